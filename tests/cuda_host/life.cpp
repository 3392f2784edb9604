// life.cu as host code. What nvcc is given as constants are variables here, so that one library does for all of them.
#include "cuda.h"

#define SMALL
#define WIDE
#define SOUPS
#define MOST_ROWS 128
#define MOST_PER 8
#define MOST_BLOCKS 32
#define ROWS 32
extern "C" {
int HEIGHT, WIDTH, PER, WORDS, FRAMES, SOUP, AGED, WARPS, SPAN, TORUS, LIFE;
unsigned TABLE;
}

#include "../../golfast/life/cuda/life.cu"

KERNEL(small)
KERNEL(wide)
KERNEL(soups)
KERNEL(count_ages)
KERNEL(order_by_age)
