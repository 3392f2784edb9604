"""What every long job shares: configuration, the run folder, checkpoints, precision, progress, pictures."""
