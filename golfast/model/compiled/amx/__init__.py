"""Networks on the matrix unit (AMX) of one CPU core: forward and back in one compiled call, no torch between."""
