// metric.cu as host code.
#include "cuda.h"

#include "../../golfast/imagine/cuda/metric.cu"

KERNEL(match_words)
KERNEL(match_bytes)
KERNEL(equation)
KERNEL(matched)
