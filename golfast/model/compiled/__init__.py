"""Networks on one CPU core without torch: forward and back in one compiled call, on whatever multiplies bfloat16."""
