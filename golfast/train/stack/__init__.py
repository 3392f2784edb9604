"""Many networks of one shape trained as one, each with its own data order, rates, losses, end and run folder."""

from golfast.train.stack.loop import alike, train_together

__all__ = ["alike", "train_together"]
