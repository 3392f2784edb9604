// CUDA's words for a plain C++ compiler. The threads of a block are coroutines of one system thread, and a barrier or
// a shuffle passes control on until all have come to it. Blocks run one after the other.
#pragma once
#include <algorithm>
#include <csetjmp>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <type_traits>
#include <ucontext.h>
#include <utility>
#include <vector>

#define __device__
#define __global__
#define __shared__
#define __noinline__ __attribute__((noinline))
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __align__(bytes) alignas(bytes)

struct Index {
    unsigned x;
};
static Index blockIdx, blockDim;

namespace host {

enum State { READY, AT_WARP, AT_BLOCK, ENDED };
struct Thread {
    ucontext_t first;
    jmp_buf place;
    std::vector<char> stack;
    State state;
    bool begun;
    unsigned index;
    unsigned shown[2], shuffles;  // what the last two shuffles showed to the warp
};

static std::vector<Thread> threads(256);
static Thread* current;
static jmp_buf scheduler;
static std::function<void()> body;

static void enter()
{
    body();
    current->state = ENDED;
    _longjmp(scheduler, 1);
}

// Leave the thread until all others that it waits for are there, too.
static void wait(State state)
{
    Thread* self = current;
    self->state = state;
    if (!_setjmp(self->place)) _longjmp(scheduler, 1);
}

static void resume(Thread& thread)
{
    current = &thread;
    if (_setjmp(scheduler)) return;
    if (thread.begun) _longjmp(thread.place, 1);
    thread.begun = true;
    getcontext(&thread.first);
    thread.first.uc_stack.ss_sp = thread.stack.data();
    thread.first.uc_stack.ss_size = thread.stack.size();
    thread.first.uc_link = nullptr;
    makecontext(&thread.first, enter, 0);
    setcontext(&thread.first);
}

static bool release(unsigned first, unsigned last, State state)
{
    bool any = false;
    for (unsigned i = first; i < last; ++i) {
        if (threads[i].state != state && threads[i].state != ENDED) return false;
        any |= threads[i].state == state;
    }
    for (unsigned i = first; i < last; ++i)
        if (threads[i].state == state) threads[i].state = READY;
    return any;
}

static void run_block(unsigned count)
{
    for (unsigned i = 0; i < count; ++i) {
        Thread& thread = threads[i];
        thread.stack.resize(1 << 16);
        thread.state = READY, thread.begun = false, thread.index = i, thread.shuffles = 0;
    }
    // A warp runs until a barrier of the block holds it up, so that what the others should have read by then is gone;
    // now the first goes first, now the last.
    const unsigned warps = (count + 31) / 32;
    for (unsigned turn = 0;; ++turn) {
        for (unsigned number = 0; number < warps; ++number) {
            const unsigned first = 32 * (turn % 2 ? warps - 1 - number : number), last = std::min(first + 32, count);
            do
                for (unsigned i = first; i < last; ++i)
                    if (threads[i].state == READY) resume(threads[i]);
            while (release(first, last, AT_WARP));
        }
        if (!release(0, count, AT_BLOCK)) break;
    }
    for (unsigned i = 0; i < count; ++i)
        if (threads[i].state != ENDED) {
            std::fprintf(stderr, "thread %u waits for threads that will never come\n", i);
            std::abort();
        }
}

static unsigned exchange(unsigned mine, unsigned source_lane)
{
    Thread* self = current;
    const unsigned turn = self->shuffles++ % 2;
    self->shown[turn] = mine;
    wait(AT_WARP);
    return threads[self->index / 32 * 32 + source_lane].shown[turn];
}

}  // namespace host

#define threadIdx (Index{host::current->index})

alignas(16) static uint32_t shared[48 << 8];  // what a block gets unasked

static void __syncthreads() { host::wait(host::AT_BLOCK); }
static void __syncwarp() { host::wait(host::AT_WARP); }

static unsigned __shfl_up_sync(unsigned, unsigned mine, unsigned by, unsigned width)
{
    const unsigned lane = host::current->index % 32;
    return host::exchange(mine, lane % width >= by ? lane - by : lane);
}
static unsigned __shfl_down_sync(unsigned, unsigned mine, unsigned by, unsigned width)
{
    const unsigned lane = host::current->index % 32;
    return host::exchange(mine, lane % width + by < width ? lane + by : lane);
}
static unsigned __shfl_xor_sync(unsigned, unsigned mine, unsigned by)
{
    return host::exchange(mine, host::current->index % 32 ^ by);
}

static unsigned __funnelshift_l(unsigned low, unsigned high, unsigned by)
{
    return (unsigned)(((uint64_t)high << 32 | low) << by % 32 >> 32);
}
static unsigned __funnelshift_r(unsigned low, unsigned high, unsigned by)
{
    return (unsigned)(((uint64_t)high << 32 | low) >> by % 32);
}
static unsigned __byte_perm(unsigned low, unsigned high, unsigned selector)
{
    const uint64_t bytes = (uint64_t)high << 32 | low;
    unsigned result = 0;
    for (int i = 0; i < 4; ++i) result |= (unsigned)(bytes >> 8 * (selector >> 4 * i & 7) & 255) << 8 * i;
    return result;
}
static unsigned __umulhi(unsigned a, unsigned b) { return (unsigned)((uint64_t)a * b >> 32); }
static int __popc(unsigned word) { return __builtin_popcount(word); }
static int __popcll(unsigned long long word) { return __builtin_popcountll(word); }
static int __ffsll(long long word) { return __builtin_ffsll(word); }
template <class Word> static Word atomicAdd(Word* place, Word more) { return std::exchange(*place, *place + more); }
static unsigned atomicAdd(unsigned* place, int more) { return atomicAdd(place, (unsigned)more); }
template <class Word> static Word atomicOr(Word* place, Word more) { return std::exchange(*place, *place | more); }

namespace host {

template <class... Arguments, size_t... Number>
void call(void (*kernel)(Arguments...), void** arguments, std::index_sequence<Number...>)
{
    kernel(*(std::remove_reference_t<Arguments>*)arguments[Number]...);
}

template <class... Arguments>
void launch(unsigned blocks, unsigned count, unsigned shared_bytes, void (*kernel)(Arguments...), void** arguments)
{
    if (count > threads.size() || shared_bytes > sizeof shared) std::abort();
    blockDim.x = count;
    body = [=] { call(kernel, arguments, std::index_sequence_for<Arguments...>()); };
    for (blockIdx.x = 0; blockIdx.x < blocks; ++blockIdx.x) {
        std::memset(shared, 0xA5, sizeof shared);  // nobody may rely on zeros
        run_block(count);
    }
}

}  // namespace host

#define KERNEL(name)                                                                                           \
    extern "C" void run_##name(unsigned blocks, unsigned count, unsigned shared_bytes, void** arguments)       \
    {                                                                                                          \
        host::launch(blocks, count, shared_bytes, name, arguments);                                            \
    }
