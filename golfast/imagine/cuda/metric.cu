// How much of what a network imagines is true, on a GPU: golfast/imagine/metric.py has the meaning, and the numbers
// are the same. Boards are packed bits; which imagined state matches which true ones becomes a bit mask, and the masks
// of a sequence are scored by one thread.

typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef long long i64;

// Unit: what a board is read by, u32 or u8. imagined (count, n, units), truth (count, m, units) of which the states
// 1..m - 2 are compared; valid (units,): ones where a bit is a cell. masks (count, n, words of 64 states), all 0
// before: bit j % 64 of word j / 64 is set if state 1 + j differs in at most `allowed` cells. A thread takes one pair.
template <class Unit>
__device__ __forceinline__ void find_matches(
    const Unit* imagined, const Unit* truth, const Unit* valid, u64* masks, i64 count, int n, int m, int units,
    int allowed)
{
    const i64 thread = (i64)blockIdx.x * blockDim.x + threadIdx.x;
    const int states = m - 2, words = (states + 63) / 64;
    if (thread >= count * n * states) return;
    const int j = (int)(thread % states);
    const i64 board = thread / states;  // of the imagined
    const Unit* drawn = imagined + board * units;
    const Unit* state = truth + (board / n * m + 1 + j) * units;
    int different = 0;
    for (int u = 0; u < units; ++u) different += __popc((drawn[u] ^ state[u]) & valid[u]);
    if (different <= allowed) atomicOr(&masks[board * words + j / 64], 1ull << j % 64);
}

extern "C" __global__ void match_words(
    const u32* __restrict__ imagined, const u32* __restrict__ truth, const u32* __restrict__ valid, u64* masks,
    i64 count, int n, int m, int units, int allowed)
{
    find_matches(imagined, truth, valid, masks, count, n, m, units, allowed);
}

extern "C" __global__ void match_bytes(
    const u8* __restrict__ imagined, const u8* __restrict__ truth, const u8* __restrict__ valid, u64* masks,
    i64 count, int n, int m, int units, int allowed)
{
    find_matches(imagined, truth, valid, masks, count, n, m, units, allowed);
}

// points (count,): twice the numerator of the paper's equation 1. In each state the first that matches earns 1 and
// each other 0.5, so a state earns half of its matches, and half once more if it has any.
extern "C" __global__ void equation(
    const u64* __restrict__ masks, int* __restrict__ points, i64 count, int n, int words)
{
    const i64 k = (i64)blockIdx.x * blockDim.x + threadIdx.x;
    if (k >= count) return;
    int found = 0;
    for (int w = 0; w < words; ++w) {
        u64 seen = 0;
        for (int i = 0; i < n; ++i) {
            const u64 mask = masks[(k * n + i) * words + w];
            found += __popcll(mask);
            seen |= mask;
        }
        found += __popcll(seen);
    }
    points[k] = found;
}

// points (count,): how many imagined states match any, and once more how many can have one of their own. A maximum
// matching (Kuhn 1955): each imagined state looks, breadth first, for a free state along a chain of owners who can
// move on to another. A block's shared memory holds, for each thread side by side, `states` owners, then as many
// askers, then the queue; all are 16 bits.
extern "C" __global__ void matched(
    const u64* __restrict__ masks, int* __restrict__ points, i64 count, int n, int states)
{
    extern __shared__ u32 shared[];
    const i64 k = (i64)blockIdx.x * blockDim.x + threadIdx.x;
    if (k >= count) return;
    const int side = blockDim.x, nobody = states;
    unsigned short* owner = (unsigned short*)shared + threadIdx.x;
    unsigned short* asker = owner + states * side;  // the state in the queue whose owner asked for this one
    unsigned short* queue = asker + states * side;  // states whose owners look for another
    u64 taken = 0;
    int found = 0;
    for (int i = 0; i < n; ++i) {
        const u64 mine = masks[k * n + i];
        if (!mine) continue;
        ++found;
        u64 seen = 0;
        int head = 0, tail = 0, asking = nobody;  // at first the imagined state itself, which owns nothing
        while (true) {
            const u64 wanted = asking == nobody ? mine : masks[k * n + owner[asking * side]];
            const u64 fresh = wanted & ~seen, free = fresh & ~taken;
            if (free) {
                int state = __ffsll((i64)free) - 1;
                taken |= 1ull << state;
                ++found;
                while (asking != nobody) {  // each of the chain hands its state to the one who asked for it
                    owner[state * side] = owner[asking * side];
                    state = asking;
                    asking = asker[state * side];
                }
                owner[state * side] = i;
                break;
            }
            seen |= fresh;
            for (u64 left = fresh; left; left &= left - 1) {
                const int state = __ffsll((i64)left) - 1;
                asker[state * side] = asking;
                queue[tail++ * side] = state;
            }
            if (head == tail) break;
            asking = queue[head++ * side];
        }
    }
    points[k] = found;
}
