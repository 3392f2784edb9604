// Life on a GPU. Three parts, each compiled alone with the constants that backend.py gives it:
//   -DSMALL  batches of boards of at most 64 columns: whole boards in a thread's registers
//   -DWIDE   boards of any size: windows with halos, a block's rows in registers, its seams in shared memory
//   -DSOUPS  random boards of any size, and boards in order of age
// Rows are bit strings, first cell highest, as numpy.packbits has it; a string of several words begins in the first.

typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef long long i64;

#define INLINE __device__ __forceinline__

// ---- The rule: -DLIFE=1 for B3/S23, else its -DTABLE ------------------------------------------------------------

// Bit 4a + 2b + c of an 8-bit table: one instruction, which the compiler does not always find by itself.
#ifdef __CUDA_ARCH__
template <u32 table> INLINE u32 lookup(u32 a, u32 b, u32 c)
{
    u32 found;
    asm("lop3.b32 %0, %1, %2, %3, %4;" : "=r"(found) : "r"(a), "r"(b), "r"(c), "n"(table));
    return found;
}
#define LOOKUP(table, a, b, c) lookup<(table)>(a, b, c)
#else
INLINE u32 LOOKUP(u32 table, u32 a, u32 b, u32 c)
{
    u32 found = 0;
    for (int i = 0; i < 8; ++i)
        if (table >> i & 1) found |= (i & 4 ? a : ~a) & (i & 2 ? b : ~b) & (i & 1 ? c : ~c);
    return found;
}
#endif

INLINE u32 parity(u32 a, u32 b, u32 c) { return LOOKUP(0x96, a, b, c); }
INLINE u32 majority(u32 a, u32 b, u32 c) { return LOOKUP(0xe8, a, b, c); }
INLINE u32 choose(u32 where, u32 yes, u32 no) { return LOOKUP(0xca, where, yes, no); }

// Each cell with its left and right neighbour, added up: sum + 2 * carry.
struct Three {
    u32 sum, carry;
};
struct Row {
    Three word[2];
};

INLINE Three add(u32 left, u32 cell, u32 right)
{
    Three three = {parity(left, cell, right), majority(left, cell, right)};
    return three;
}

// The next state of 32 cells, whose own row is `here`.
INLINE u32 next_cells(u32 cell, Three above, Three here, Three below)
{
    u32 odd = parity(above.sum, here.sum, below.sum);
    if (LIFE) {  // eight operations with those of `add`: binary-banter.github.io/game-of-life, found by a SAT solver
        u32 alike = LOOKUP(0x81, above.sum, here.sum, below.sum);
        u32 most = majority(above.carry, below.carry, odd);
        u32 other = LOOKUP(0xbc, here.carry, alike, most);
        u32 one = LOOKUP(0x16, above.carry, below.carry, other);
        return LOOKUP(0xa8, cell, odd, one);
    }
    // The nine cells are odd + 2 * (pair + two) + 4 * four; TABLE's bit is four, two, odd, cell, pair.
    u32 two = majority(above.sum, here.sum, below.sum);
    u32 pair = parity(above.carry, here.carry, below.carry);
    u32 four = majority(above.carry, here.carry, below.carry);
    u32 few = choose(two, LOOKUP(TABLE >> 8 & 255, odd, cell, pair), LOOKUP(TABLE & 255, odd, cell, pair));
    u32 many = choose(two, LOOKUP(TABLE >> 24, odd, cell, pair), LOOKUP(TABLE >> 16 & 255, odd, cell, pair));
    return choose(four, many, few);
}

// One generation in place. `around` adds up a row sideways; `above` and `below` are the rows beyond. A cell outside
// the mask, which is per word, keeps its state, so that boards in one word can be of different ages.
template <class Around, class Mask>
INLINE void advance(u32 (*rows)[2], int height, int words, Row above, Row below, Around around, Mask mask)
{
    Row here = around(rows[0]);
#pragma unroll
    for (int r = 0; r < height; ++r) {
        Row next = r + 1 < height ? around(rows[r + 1]) : below;
#pragma unroll
        for (int k = 0; k < words; ++k)
            rows[r][k] = mask(k, next_cells(rows[r][k], above.word[k], here.word[k], next.word[k]), rows[r][k]);
        above = here;
        here = next;
    }
}

// ---- Soups: Philox 4x32-10, as golfast/life/soup.py defines them ------------------------------------------------

struct Soup {
    u64 seed, start;  // boards are numbered from `start`
    int split, chance;  // chance of a live cell, in 1/65536
};
struct Bits {
    u32 word[4];
};

INLINE Bits philox(u32 block, u32 stream, u64 board, u64 seed)
{
    u32 c0 = block, c1 = stream, c2 = (u32)board, c3 = (u32)(board >> 32);
    u32 k0 = (u32)seed, k1 = (u32)(seed >> 32);
#pragma unroll
    for (int i = 0; i < 10; ++i) {
        u32 high0 = __umulhi(0xD2511F53u, c0), low0 = 0xD2511F53u * c0;
        u32 high1 = __umulhi(0xCD9E8D57u, c2), low1 = 0xCD9E8D57u * c2;
        c0 = high1 ^ c1 ^ k0, c1 = low1;
        c2 = high0 ^ c3 ^ k1, c3 = low0;
        k0 += 0x9E3779B9u, k1 += 0xBB67AE85u;
    }
    Bits bits = {{c0, c1, c2, c3}};
    return bits;
}

// Cells 128 * first .. of a soup, 128 a block: planes `or`ed and `and`ed from the lowest set bit of the chance upwards.
INLINE void soup_cells(u32* cells, u32 first, int blocks, u64 board, const Soup& soup)
{
#pragma unroll
    for (int i = 0; i < 4 * blocks; ++i) cells[i] = soup.chance >> 16 ? ~0u : 0;
#pragma unroll 1
    for (int bit = 0; bit < 16; ++bit) {
        if (!(soup.chance & ((2 << bit) - 1))) continue;  // below the lowest
        const u32 either = soup.chance >> bit & 1 ? ~0u : 0;
#pragma unroll
        for (int block = 0; block < blocks; ++block) {
            Bits plane = philox(first + block, soup.split << 8 | bit, board, soup.seed);
#pragma unroll
            for (int k = 0; k < 4; ++k)
                cells[4 * block + k] = majority(cells[4 * block + k], plane.word[k], either);
        }
    }
}

// A board's age: how many of the falling thresholds lie above its random word.
INLINE int soup_age(u64 board, const Soup& soup, const u32* thresholds, int number)
{
    u32 word = philox(0, soup.split << 8 | 255, board, soup.seed).word[0];
    int low = 0, high = number;
    while (low < high) {
        int middle = (low + high) / 2;
        if (word < thresholds[middle]) low = middle + 1;
        else high = middle;
    }
    return low;
}

// ---- Small boards -----------------------------------------------------------------------------------------------
#ifdef SMALL

// A warp is a block. Each thread holds PER boards side by side in rows of WORDS words; with a dead border a spare cell
// lies between them. Frames pass through shared memory, FRAMES of them at a time, so that a board's bytes are read and
// written by neighbouring lanes. SOUP: boards are made here, not read.

#ifndef MOST_ROWS
#define MOST_ROWS HEIGHT
#define MOST_PER PER
#define MOST_BLOCKS BLOCKS
#endif
#define BLOCKS ((HEIGHT * WIDTH + 127) / 128)  // of random bits, for a board
#define ROW_BYTES ((WIDTH + 7) / 8)
#define FRAME_BYTES (HEIGHT * ROW_BYTES)
#define BY_WORDS (FRAME_BYTES % 4 == 0)
#define UNITS (BY_WORDS ? FRAME_BYTES / 4 : FRAME_BYTES)  // of a frame in shared memory
#define RUN (FRAMES * UNITS)  // of a board
#define PITCH (BY_WORDS ? RUN | 1 : RUN)  // from one board to the next: an odd one spreads the lanes over all banks
#define TILE (32 * PER)

struct __align__(16) Four {
    u32 word[4];
};

#define FIRST(slot) ((slot) * (TORUS ? WIDTH : WIDTH + 1))  // of a board's cells in the string

// The cells first .. first + count of a string, as a mask of its word k.
INLINE u32 span(int k, int first, int count)
{
    int from = first - 32 * k, to = from + count;
    u32 after = from <= 0 ? ~0u : from < 32 ? ~0u >> from : 0;
    u32 before = to >= 32 ? ~0u : to > 0 ? ~(~0u >> to) : 0;
    return after & before;
}

// A mask of the cells offset .. offset + count of every board.
INLINE u32 each_board(int k, int offset, int count)
{
    u32 mask = 0;
#pragma unroll
    for (int slot = 0; slot < PER; ++slot) mask |= span(k, FIRST(slot) + offset, count);
    return mask;
}

INLINE u32 word_or_0(const u32* row, int k) { return 0 <= k && k < WORDS ? row[k] : 0; }

// Word k of a row moved `by` cells to the right, and to the left.
INLINE u32 to_right(const u32* row, int k, int by)
{
    return __funnelshift_r(word_or_0(row, k - by / 32), word_or_0(row, k - by / 32 - 1), by % 32);
}
INLINE u32 to_left(const u32* row, int k, int by)
{
    return __funnelshift_l(word_or_0(row, k + by / 32 + 1), word_or_0(row, k + by / 32), by % 32);
}

INLINE Row around_small(const u32* row)
{
    Row sums = {};
#pragma unroll
    for (int k = 0; k < WORDS; ++k) {
        u32 left = to_right(row, k, 1), right = to_left(row, k, 1);
        if (TORUS) {
            left = choose(each_board(k, 0, 1), to_left(row, k, WIDTH - 1), left);
            right = choose(each_board(k, WIDTH - 1, 1), to_right(row, k, WIDTH - 1), right);
        }
        sums.word[k] = add(left, row[k], right);
    }
    return sums;
}

// 32 bits, of which `count` belong to the string from `first` on.
INLINE void put(u32* row, u32 bits, int first, int count)
{
    bits &= span(0, 0, count);
#pragma unroll
    for (int k = 0; k < WORDS; ++k) {
        int right = first - 32 * k;
        if (0 <= right && right < 32) row[k] |= bits >> right;
        if (-32 < right && right < 0) row[k] |= bits << -right;
    }
}

// Bytes 4 * chunk .. + 4 of a packed row of one board, first byte highest.
INLINE u32 packed_row(const u32* row, int slot, int chunk)
{
    return to_left(row, 0, FIRST(slot) + 32 * chunk) & span(0, 0, WIDTH - 32 * chunk);
}

INLINE void read_board(u32 (*rows)[2], int slot, const u8* frame)
{
    const u32* words = (const u32*)frame;
#pragma unroll
    for (int r = 0; r < HEIGHT; ++r)
#pragma unroll
        for (int chunk = 0; chunk < (WIDTH + 31) / 32; ++chunk) {
            int byte = r * ROW_BYTES + 4 * chunk;
            u32 bits = 0;
            if (BY_WORDS) {
                int next = byte / 4 + 1 < UNITS ? byte / 4 + 1 : byte / 4;
                bits = __byte_perm(words[byte / 4], words[next], 0x0123 + 0x1111 * (byte % 4));
            } else {
#pragma unroll
                for (int i = 0; i < 4; ++i)
                    if (4 * chunk + i < ROW_BYTES) bits |= (u32)frame[byte + i] << (24 - 8 * i);
            }
            put(rows[r], bits, FIRST(slot) + 32 * chunk, WIDTH - 32 * chunk);
        }
}

INLINE void make_board(u32 (*rows)[2], int slot, u64 board, const Soup& soup)
{
    u32 cells[4 * MOST_BLOCKS + 1];
    soup_cells(cells, 0, BLOCKS, board, soup);
    cells[4 * BLOCKS] = 0;
#pragma unroll
    for (int r = 0; r < HEIGHT; ++r)
#pragma unroll
        for (int chunk = 0; chunk < (WIDTH + 31) / 32; ++chunk) {
            int at = r * WIDTH + 32 * chunk;
            u32 bits = __funnelshift_l(cells[at / 32 + 1], cells[at / 32], at % 32);
            put(rows[r], bits, FIRST(slot) + 32 * chunk, WIDTH - 32 * chunk);
        }
}

INLINE void write_board(const u32 (*rows)[2], int slot, u8* frame)
{
#pragma unroll
    for (int first = 0; first < FRAME_BYTES; first += BY_WORDS ? 4 : 1) {
        u32 bytes = 0, places = 0x3210;  // where in `bytes` the frame's next four lie
#pragma unroll
        for (int i = 0; i < (BY_WORDS ? 4 : 1); ++i) {
            int row = (first + i) / ROW_BYTES, byte = (first + i) % ROW_BYTES;
            if (i && byte % 4) continue;  // came along with the byte before it
            u32 source = packed_row(rows[row], slot, byte / 4), taken = places;
#pragma unroll
            for (int j = i; j < 4 && byte + j - i < ROW_BYTES && byte % 4 + j - i < 4; ++j) {
                taken &= ~(15u << 4 * j);
                taken |= ((i ? 7 : 3) - (byte % 4 + j - i)) << 4 * j;
            }
            bytes = i ? __byte_perm(bytes, source, taken) : source;
            places = i ? 0x3210 : taken;
        }
        if (places != 0x3210) bytes = __byte_perm(bytes, 0, places);
        if (BY_WORDS) *(u32*)(frame + first) = bytes;
        else frame[first] = bytes;
    }
}

// boards (., FRAME_BYTES), or null with SOUP; states (., kept, FRAME_BYTES), where kept is generations + 1, or 1 with
// `last_only`. order: the `count` numbers of the boards to do, or null for 0..count. AGED: they are soups, whose ages
// follow from their numbers.
extern "C" __global__ void __launch_bounds__(32) small(
    const u8* __restrict__ boards, u8* __restrict__ states, const u32* __restrict__ order,
    const u32* __restrict__ thresholds, int threshold_count, u64 seed, u64 start, int split, int chance, i64 count,
    int generations, int last_only)
{
    const Soup soup = {seed, start, split, chance};
    extern __shared__ u32 shared[];
    u8* stage = (u8*)shared;
    const int unit = BY_WORDS ? 4 : 1, lane = threadIdx.x;
    const i64 tile = (i64)blockIdx.x * TILE;
    const int here = count - tile < TILE ? (int)(count - tile) : TILE;
    const i64 stride = (i64)(last_only ? 1 : generations + 1) * FRAME_BYTES;
    // Whole trajectories of neighbours are one run of memory.
    const bool together = !order && here == TILE && stride == FRAMES * FRAME_BYTES && PITCH == RUN;

    u32 rows[MOST_ROWS][2] = {};
    int ages[MOST_PER] = {}, oldest = 0;
    if (!SOUP) {
#pragma unroll 4
        for (int i = 0; i < here; ++i) {
            const u8* source = boards + (order ? order[tile + i] : tile + i) * FRAME_BYTES;
            for (int u = lane; u < UNITS; u += 32)
                if (BY_WORDS) shared[i * PITCH + u] = ((const u32*)source)[u];
                else stage[i * PITCH + u] = source[u];
        }
        __syncwarp();
    }
#pragma unroll
    for (int slot = 0; slot < PER; ++slot) {
        const int mine = 32 * slot + lane;
        if (mine >= here) continue;
        const u64 board = soup.start + (order ? order[tile + mine] : tile + mine);
        if (SOUP) make_board(rows, slot, board, soup);
        else read_board(rows, slot, stage + mine * PITCH * unit);
        if (AGED) {
            ages[slot] = soup_age(board, soup, thresholds, threshold_count);
            if (ages[slot] > oldest) oldest = ages[slot];
        }
    }
    if (AGED)
        for (int far = 16; far; far /= 2) {
            int other = __shfl_xor_sync(~0u, oldest, far);
            if (other > oldest) oldest = other;
        }

    int staged = 0;  // frames in shared memory
    u8* target = states;
#pragma unroll 1
    for (int g = -oldest;; ++g) {  // at 0 all boards are of their age
        if (g >= 0 && (g == generations || !last_only)) {
            if (staged == 0) __syncwarp();  // all have been written out
#pragma unroll
            for (int slot = 0; slot < PER; ++slot)
                write_board(rows, slot, stage + ((32 * slot + lane) * PITCH + staged * UNITS) * unit);
            ++staged;
            if (staged == FRAMES || g == generations) {
                __syncwarp();
                if (together)
#pragma unroll 4
                    for (int w = lane; w < TILE * RUN * unit / 16; w += 32)
                        ((Four*)(states + tile * stride))[w] = ((Four*)shared)[w];
                else
                    for (int i = 0; i < here; ++i) {
                        u8* there = target + (order ? order[tile + i] : tile + i) * stride;
                        for (int u = lane; u < staged * UNITS; u += 32)
                            if (BY_WORDS) ((u32*)there)[u] = shared[i * PITCH + u];
                            else there[u] = stage[i * PITCH + u];
                    }
                target += staged * FRAME_BYTES;
                staged = 0;
            }
        }
        if (g == generations) break;

        u32 living[2] = {};  // the cells of boards that take this step
#pragma unroll
        for (int k = 0; k < WORDS; ++k)
#pragma unroll
            for (int slot = 0; slot < PER; ++slot)
                if (!AGED || g >= -ages[slot]) living[k] |= span(k, FIRST(slot), WIDTH);
        Row above = {}, below = {};
        if (TORUS) above = around_small(rows[HEIGHT - 1]), below = around_small(rows[0]);
        advance(rows, HEIGHT, WORDS, above, below, around_small, [&](int k, u32 next, u32 old) {
            if (AGED) return choose(living[k], next, old);
            return TORUS ? next : next & living[k];  // on a torus spare cells are no cell's neighbours
        });
    }
}

#endif

// ---- Boards of any size -----------------------------------------------------------------------------------------
#ifdef WIDE

// A block of WARPS warps holds 32 / SPAN windows side by side, SPAN lanes of 64 columns each. A lane holds ROWS rows
// of its columns; the warps lie below one another. A window's outer 32 columns on either side and `steps` rows above
// and below are its halo, which other windows have in their midst: they wear away, one cell a generation. A window
// reads the plane that a torus unrolls to, so it needs no border; beyond a dead border cells are cleared every
// generation. Rows are padded with dead cells to whole words. A torus is at least 32 columns wide.

#define INNER (64 * SPAN - 64)

struct Plane {
    int height, width, row_words;
};

INLINE int wrapped(int x, int size)
{
    int rest = x % size;
    return rest < 0 ? rest + size : rest;
}

INLINE u32 word_at(const u32* row, int k) { return __byte_perm(row[k], 0, 0x0123); }

// 32 cells of a row from cell x on, 0 <= x < width.
INLINE u32 cells_at(const u32* row, int x, const Plane& plane)
{
    const int k = x / 32, have = plane.width - x;
    u32 cells = word_at(row, k);
    if (TORUS && (x % 32 || have < 32)) {  // across words, or over the edge and on from the other
        cells = __funnelshift_l(k + 1 < plane.row_words ? word_at(row, k + 1) : 0, cells, x % 32);
        if (have < 32) cells |= word_at(row, 0) >> have;
    }
    return cells;
}

INLINE Row around_wide(const u32* row)
{
    u32 before = __shfl_up_sync(~0u, row[1], 1, SPAN), after = __shfl_down_sync(~0u, row[0], 1, SPAN);
    Row sums = {{
        add(__funnelshift_r(row[0], before, 1), row[0], __funnelshift_l(row[1], row[0], 1)),
        add(__funnelshift_r(row[1], row[0], 1), row[1], __funnelshift_l(after, row[1], 1)),
    }};
    return sums;
}

// Run boards on by `steps` generations, from `boards` to `states`; strides are in words. With a frame_stride each
// generation is kept, else the last. ages: a board runs on by ages - done at most; one that goes on beyond this launch
// is written to `rest` (stride of boards) instead. order: the numbers of the boards to do, or null for 0..count.
extern "C" __global__ void __launch_bounds__(32 * WARPS, 16 / WARPS) wide(
    const u32* __restrict__ boards, i64 board_stride, u32* __restrict__ states, i64 state_stride, i64 frame_stride,
    u32* __restrict__ rest, const u32* __restrict__ ages, const u32* __restrict__ order, int done, i64 count,
    int height, int width, int row_words, int steps)
{
    const Plane plane = {height, width, row_words};
    extern __shared__ u32 shared[];  // the windows' seams: (2, WARPS, top or bottom, 64)
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, part = lane % SPAN;
    const int inner_rows = WARPS * ROWS - 2 * steps;
    const i64 across = (plane.width + INNER - 1) / INNER, down = (plane.height + inner_rows - 1) / inner_rows;
    i64 window = (i64)blockIdx.x * (32 / SPAN) + lane / SPAN;
    const bool mine = window < count * across * down;
    if (!mine) window = 0;
    const int x = (int)(window % across) * INNER - 32 + 64 * part;
    const int y = (int)(window / across % down) * inner_rows - steps + warp * ROWS;
    const i64 place = window / (across * down), board = order ? order[place] : place;

    u32 rows[ROWS][2];
    int row = TORUS ? wrapped(y, plane.height) : y;
#pragma unroll
    for (int r = 0; r < ROWS; ++r) {
        const u32* line = boards + board * board_stride + (i64)row * plane.row_words;
#pragma unroll
        for (int k = 0; k < 2; ++k) {
            const int column = TORUS ? wrapped(x + 32 * k, plane.width) : x + 32 * k;
            const bool inside = 0 <= row && row < plane.height && 0 <= column && column < plane.width;
            rows[r][k] = inside ? cells_at(line, column, plane) : 0;
        }
        ++row;
        if (TORUS && row == plane.height) row = 0;
    }

    // Which rows are on the board, which of those are this window's to write; likewise columns.
    u32 inside = 0, middle = 0, columns[2];
#pragma unroll
    for (int r = 0; r < ROWS; ++r) {
        const int own = warp * ROWS + r - steps;
        if (0 <= y + r && y + r < plane.height) inside |= 1u << r;
        if (0 <= own && own < inner_rows) middle |= inside & 1u << r;
    }
#pragma unroll
    for (int k = 0; k < 2; ++k) {
        const int first = x + 32 * k, left = plane.width - first;
        columns[k] = first < 0 || left <= 0 ? 0 : left < 32 ? ~(~0u >> left) : ~0u;
    }
    const bool border = !TORUS && !(inside == ~0u && columns[0] == ~0u && columns[1] == ~0u);
    const bool write[2] = {mine && part > 0 && columns[0], mine && part < SPAN - 1 && columns[1]};

    int stride = plane.row_words, last = steps;  // the generation to write
    u32* target = states + board * state_stride;
    if (ages && (int)ages[board] - done < steps) last = ages[board] - done;
    if (ages && (int)ages[board] - done > steps) target = rest + board * board_stride;
    target += (i64)y * plane.row_words + x / 32;

    for (int g = 1; g <= steps; ++g) {
        u32* seams = shared + g % 2 * (WARPS * 128);
#pragma unroll
        for (int k = 0; k < 2; ++k) {
            seams[warp * 128 + 32 * k + lane] = rows[0][k];
            seams[warp * 128 + 64 + 32 * k + lane] = rows[ROWS - 1][k];
        }
        __syncthreads();
        u32 above[2] = {}, below[2] = {};
#pragma unroll
        for (int k = 0; k < 2; ++k) {
            if (warp > 0) above[k] = seams[warp * 128 - 64 + 32 * k + lane];
            if (warp < WARPS - 1) below[k] = seams[warp * 128 + 128 + 32 * k + lane];
        }
        advance(rows, ROWS, 2, around_wide(above), around_wide(below), around_wide,
                [](int, u32 next, u32) { return next; });
        // Else the compiler works out every row's mask and address before the loop, and runs out of registers.
        asm volatile("" : "+r"(inside), "+r"(middle), "+r"(stride));
        if (border)
#pragma unroll
            for (int r = 0; r < ROWS; ++r)
#pragma unroll
                for (int k = 0; k < 2; ++k) rows[r][k] &= inside >> r & 1 ? columns[k] : 0;
        if (frame_stride || g == last) {
            u32* line = target;
#pragma unroll
            for (int r = 0; r < ROWS; ++r, line += stride)
#pragma unroll
                for (int k = 0; k < 2; ++k)
                    if (write[k] && middle >> r & 1) line[k] = __byte_perm(rows[r][k] & columns[k], 0, 0x0123);
        }
        target += frame_stride;
    }
}

#endif

// ---- Random boards of any size, and their order -----------------------------------------------------------------
#ifdef SOUPS

// boards (count, height, row_bytes): 16 bytes of a row a thread.
extern "C" __global__ void soups(
    u8* __restrict__ boards, u64 seed, u64 start, int split, int chance, i64 count, int height, int width)
{
    const Soup soup = {seed, start, split, chance};
    const int row_bytes = (width + 7) / 8, chunks = (row_bytes + 15) / 16;
    const i64 thread = (i64)blockIdx.x * blockDim.x + threadIdx.x;
    if (thread >= count * height * chunks) return;
    const int x = (int)(thread % chunks) * 128;
    const i64 row = thread / chunks, board = row / height, first = row % height * width + x;
    const int shift = (int)(first % 32), skip = (int)(first % 128 / 32);
    u32 words[9] = {};
    soup_cells(words, (u32)(first / 128), 2, soup.start + board, soup);
#pragma unroll
    for (int i = 0; i < 3; ++i)  // the first word to the front, without an index that is known too late for registers
#pragma unroll
        for (int k = 0; k < 8; ++k)
            if (i < skip) words[k] = words[k + 1];
    u8* target = boards + row * row_bytes + x / 8;
#pragma unroll
    for (int k = 0; k < 4; ++k) {
        const int left = width - x - 32 * k;
        u32 cells = __funnelshift_l(words[k + 1], words[k], shift);
        if (left < 32) cells &= ~(~0u >> left);
        for (int i = 0; i < 4 && 8 * i < left; ++i) target[4 * k + i] = (u8)(cells >> (24 - 8 * i));
    }
}

// Boards of like age side by side, so that the lanes of a warp end together: how many boards there are of each age ...
extern "C" __global__ void count_ages(
    u32* bins, const u32* thresholds, int threshold_count, u64 seed, u64 start, int split, i64 count)
{
    const Soup soup = {seed, start, split, 0};
    extern __shared__ u32 shared[];  // (256,); boards older than 255 count as 255
    shared[threadIdx.x] = 0;
    __syncthreads();
    const i64 board = (i64)blockIdx.x * 256 + threadIdx.x;
    if (board < count) {
        const int age = soup_age(soup.start + board, soup, thresholds, threshold_count);
        atomicAdd(&shared[age < 255 ? age : 255], 1);
    }
    __syncthreads();
    if (shared[threadIdx.x]) atomicAdd(&bins[threadIdx.x], shared[threadIdx.x]);
}

// ... and, from the place in `order` where each age begins, the boards' numbers by age. Which of equals comes first is
// left to chance and changes nothing in the boards.
extern "C" __global__ void order_by_age(
    u32* begins, u32* order, const u32* thresholds, int threshold_count, u64 seed, u64 start, int split, i64 count)
{
    const Soup soup = {seed, start, split, 0};
    extern __shared__ u32 shared[];  // (256,)
    shared[threadIdx.x] = 0;
    __syncthreads();
    const i64 board = (i64)blockIdx.x * 256 + threadIdx.x;
    int age = 0;
    u32 rank = 0;
    if (board < count) {
        age = soup_age(soup.start + board, soup, thresholds, threshold_count);
        age = age < 255 ? age : 255;
        rank = atomicAdd(&shared[age], 1);
    }
    __syncthreads();
    const u32 number = shared[threadIdx.x];
    shared[threadIdx.x] = number ? atomicAdd(&begins[threadIdx.x], number) : 0;
    __syncthreads();
    if (board < count) order[shared[age] + rank] = (u32)board;
}

#endif
