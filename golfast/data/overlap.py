"""Work on blocks by several threads, its results in the order of the blocks."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from golfast.life.boards import whole_number
from golfast.threads import stay_on_this_thread, thread_count

MOST_WORKERS = 1024

Item = TypeVar("Item")
Result = TypeVar("Result")


def check_workers(workers: int | None) -> int:
    """How many threads: one for each core if None, 1,024 at most. ValueError for less than 1, or more than 1,024."""
    if workers is None:
        return min(thread_count(), MOST_WORKERS)
    workers = whole_number("workers", workers)
    if workers < 1:
        raise ValueError(f"workers is {workers}; at least 1 thread must do the work")
    if workers > MOST_WORKERS:  # each has a block in memory
        raise ValueError(f"workers is {workers}; at most {MOST_WORKERS} threads can share the work")
    return workers


def in_order(work: Callable[[Item], Result], items: Iterable[Item], workers: int) -> Iterator[Result]:
    """work(item) for each item, on `workers` threads, in the order of the items.

    At most 2 * workers items are begun and not yet taken, so memory stays bounded however many there are. The threads
    overlap because what takes time in a block (kernels, checksums, compression, reading and writing) releases the GIL.
    An exception of any item is raised in its turn; items not begun by then never are.
    """
    pool = ThreadPoolExecutor(workers, initializer=stay_on_this_thread)
    begun: deque[Future[Result]] = deque()
    try:
        for item in items:
            begun.append(pool.submit(work, item))
            if len(begun) == 2 * workers:
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
