"""Run a compiled kernel over a batch on all cores.

The kernels release the GIL, so plain threads are enough. That needs no threading layer of Numba's, compiles several
times faster than `parallel=True`, and survives `fork` in the caller's program.
"""

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from functools import lru_cache

_this_thread = threading.local()
_CHUNKS_PER_THREAD = 4  # so that a thread that was held up does not hold up the rest


def thread_count() -> int:
    """Cores this process may use, or GOLFAST_THREADS if that is set. ValueError if it is not a positive integer."""
    text = os.environ.get("GOLFAST_THREADS")
    if text is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise ValueError(f"GOLFAST_THREADS={text!r} is not a positive whole number of threads")
    return int(text)


def stay_on_this_thread() -> None:
    """From now on `over_batch`, called on this thread, uses no other: it is one of several that share the cores."""
    _this_thread.alone = True


def over_batch(kernel: Callable[[int, int], None], count: int, *, smallest: int = 1) -> None:
    """Call `kernel(start, stop)` so that the spans cover range(count), in parallel, each at least `smallest` long.

    Spans start at multiples of `smallest`. An exception of any span is raised here, after all have ended.
    """
    spans = _spans(count, smallest)
    left = iter(spans)

    def work() -> None:
        for span in left:
            kernel(*span)

    _at_once(work, len(spans))


def over_passes(kernel: Callable[[int, int, int], None], passes: int, count: int) -> None:
    """Call `kernel(number, start, stop)` for every pass, the spans covering range(count), in parallel.

    No span of a pass begins before all of the pass before have ended. An exception is raised here, after all that had
    begun have ended.
    """
    spans = _spans(count)
    # Taken in order, so whoever waits does so for spans that others are at: none of them is left to nobody.
    turns, turn = iter(range(passes * len(spans))), len(spans)
    ended, lock, failed = 0, threading.Lock(), threading.Event()

    def work() -> None:
        nonlocal ended
        try:
            for place in turns:
                number, span = divmod(place, turn)
                while ended < number * turn and not failed.is_set():
                    time.sleep(0)  # only lets others run: to sleep and be woken would take as long as a short pass
                if failed.is_set():
                    return
                kernel(number, *spans[span])
                with lock:
                    ended += 1
        except BaseException:
            failed.set()
            raise

    _at_once(work, len(spans))


def over_ring(kernel: Callable[[int, int, int], None], passes: int, count: int) -> None:
    """Call `kernel(number, item, item + 1)` for every pass and every item of range(count), in parallel.

    The items lie in a ring, and one begins its pass when it and those beside it have ended the pass before: a thread
    that was held up for less than an item's time holds up no other. Exceptions are as in `over_passes`.
    """
    turns, ended, failed = iter(range(passes * count)), [0] * count, threading.Event()

    def work() -> None:
        try:
            for place in turns:
                number, item = divmod(place, count)
                # Each pass begins one item further on, away from the one that the pass before has ended with.
                item = (item + number) % count
                before, after = item - 1, (item + 1) % count
                while min(ended[before], ended[item], ended[after]) < number and not failed.is_set():
                    time.sleep(0)
                if failed.is_set():
                    return
                kernel(number, item, item + 1)
                ended[item] = number + 1
        except BaseException:
            failed.set()
            raise

    _at_once(work, count)


def _threads_here() -> int:
    return 1 if getattr(_this_thread, "alone", False) else thread_count()


def _spans(count: int, smallest: int = 1) -> list[tuple[int, int]]:
    """range(count) in parts that begin at multiples of `smallest`: a few for each thread."""
    threads = _threads_here()
    chunks = min(threads * _CHUNKS_PER_THREAD, -(-count // smallest)) if threads > 1 else 1
    size = -(-count // (max(chunks, 1) * smallest)) * smallest
    return [(start, min(start + size, count)) for start in range(0, count, size)] if count else []


def _at_once(work: Callable[[], None], most: int) -> None:
    """Call `work` on all threads, or on `most`, and return, or raise what one of them raised, when all have ended."""
    threads = _threads_here()
    # This thread works too: it need not wait for others to wake, and no more are woken than have work.
    others = [_pool(threads - 1).submit(work) for _ in range(min(threads, most) - 1)]
    try:
        work()
    finally:
        begun = [other for other in others if not other.cancel()]
        wait(begun)  # whatever happened here, they are writing to the caller's arrays
    for other in begun:
        other.result()


@lru_cache(maxsize=1)
def _pool(threads: int) -> ThreadPoolExecutor:
    """Threads that stay: to start one takes as long as simulating a thousand boards."""
    return ThreadPoolExecutor(threads, "golfast", initializer=stay_on_this_thread)


if hasattr(os, "register_at_fork"):  # a child has none of its parent's threads
    os.register_at_fork(after_in_child=_pool.cache_clear)
