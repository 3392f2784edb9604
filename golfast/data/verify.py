"""Is a dataset what it was when it was written, and what its recipe says?"""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from golfast.data.generate import generate
from golfast.data.layout import checksum, map_states, open_layout, read_checksums, read_complete
from golfast.errors import Failure


def verify(path: Path | str, *, regenerate: bool = False, progress: Callable[[int], None] = lambda done: None) -> int:
    """Check every block of a file against its checksum and, if `regenerate`, against its recipe, bit for bit.

    Returns the number of blocks checked. Raises Failure that names the first wrong block and its trajectories, or says
    that the file is unfinished, truncated or foreign. `progress` is called with the number of trajectories checked.
    """
    path = Path(path)
    layout = open_layout(path)
    complete = read_complete(path, layout)
    if complete < layout.blocks:
        raise Failure(f"{path} is not finished: {complete} of {layout.blocks} blocks are there")
    states, sums = map_states(path, layout), read_checksums(path, layout)
    for index in range(layout.blocks):
        start, stop = layout.span(index)
        where = f"block {index} of {layout.blocks} (trajectories {start} to {stop - 1})"
        if checksum(states[start:stop]) != sums[index]:
            raise Failure(f"{path} is damaged: the checksum of {where} is wrong; make the file again")
        if regenerate and not np.array_equal(states[start:stop], generate(layout.recipe, start, stop)):
            raise Failure(f"{path} is not what its recipe makes: {where} differs")
        progress(stop)
    return layout.blocks
