"""Networks on the bfloat16 dot products of AVX-512 cores that have no matrix unit: AMD from Zen 4 on, Cooper Lake."""
