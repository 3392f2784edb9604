"""The loop that runs a program with AVX-512."""

from typing import Any

from golfast.jit import kernel
from golfast.model.compiled.avx512.convolve import (
    accept,
    blame,
    hidden_layer,
    input_gradient,
    picture_layer,
    show,
    spread,
    take,
    weight_gradient,
)
from golfast.model.compiled.program import ACCEPT, BACK, BLAME, DRAW, HIDDEN, LAST, PICTURE, SHOW, TAKE, WEIGHT


@kernel
def run(
    desk: Any,
    program: Any,
    places: Any,
    first: Any,
    last: Any,
    scales: Any,
    sums: Any,
    pictures: Any,
    hidden: Any,
    blames: Any,
) -> None:
    """Run a program for each board; places: the pixel of each cell; what follows is a `Batch`."""
    for board in range(first.shape[0]):
        for step in range(program.shape[0]):
            code, a, b, c, d = program[step, 0], program[step, 1], program[step, 2], program[step, 3], program[step, 4]
            if code == HIDDEN:
                hidden_layer(desk, a, b, c, d)
            elif code == BACK:
                input_gradient(desk, a, b, c, d, program[step, 5], program[step, 6], program[step, 7])
            elif code == WEIGHT:
                weight_gradient(desk, a, b, c)
            elif code == PICTURE:
                picture_layer(desk, a, b)
            elif code == BLAME:
                spread(last[board] if a == LAST else first[board], places, desk.wanted)
                sums[a] += blame(desk, b, c, scales[a])
            elif code == TAKE:
                spread(first[board], places, desk.wanted)
                take(desk, a)
            elif code == SHOW:
                show(desk, hidden[a], places, b)
            elif code == ACCEPT:
                spread(blames[a], places, desk.wanted)
                accept(desk, b, c)
            elif code == DRAW:
                for k in range(places.shape[0]):
                    pictures[board, a, k] = desk.picture[places[k]]
