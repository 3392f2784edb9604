// One generation of B3/S23 as a good C++ programmer writes it: 64 cells a word, sums of three rows, one plain loop that
// the compiler makes vectors of. Boards have a word more at either end of a row and a row more at either end, which the
// caller keeps dead or `wrap` fills.
#include <cstddef>
#include <cstdint>

using Word = std::uint64_t;

struct Sum {
    Word low, high;
};

static inline Sum add(Word a, Word b, Word c)
{
    const Word half = a ^ b;
    return {half ^ c, (a & b) | (half & c)};
}

static inline Word west(const Word *row, std::ptrdiff_t x) { return row[x] << 1 | row[x - 1] >> 63; }
static inline Word east(const Word *row, std::ptrdiff_t x) { return row[x] >> 1 | row[x + 1] << 63; }

static void wrap(Word *board, std::ptrdiff_t height, std::ptrdiff_t words)
{
    const std::ptrdiff_t stride = words + 2;
    for (std::ptrdiff_t y = 1; y <= height; ++y) {
        Word *row = board + y * stride;
        row[0] = row[words];
        row[words + 1] = row[1];
    }
    for (std::ptrdiff_t x = 0; x < stride; ++x) {
        board[x] = board[height * stride + x];
        board[(height + 1) * stride + x] = board[stride + x];
    }
}

extern "C" void life_step(Word *__restrict from, Word *__restrict to, std::ptrdiff_t height, std::ptrdiff_t words, int torus)
{
    const std::ptrdiff_t stride = words + 2;
    if (torus) wrap(from, height, words);
    for (std::ptrdiff_t y = 1; y <= height; ++y) {
        const Word *above = from + (y - 1) * stride, *here = above + stride, *below = here + stride;
        Word *out = to + y * stride;
        for (std::ptrdiff_t x = 1; x <= words; ++x) {
            const Sum a = add(west(above, x), above[x], east(above, x));
            const Sum c = add(west(below, x), below[x], east(below, x));
            const Word l = west(here, x), r = east(here, x);
            const Sum ones = add(a.low, l ^ r, c.low), twos = add(a.high, l & r, c.high);
            const Word two = twos.low ^ ones.high, four = twos.high | (twos.low & ones.high);
            out[x] = two & ~four & (ones.low | here[x]);
        }
    }
}
