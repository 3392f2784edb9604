"""The loop that runs a program with AVX-512."""

from typing import Any

from golfast.jit import kernel
from golfast.model.compiled.avx512.convolve import (
    blame,
    hidden_layer,
    input_gradient,
    picture_layer,
    spread,
    take,
    weight_gradient,
)
from golfast.model.compiled.program import BACK, BLAME, DRAW, HIDDEN, LAST, PICTURE, TAKE, WEIGHT


@kernel
def run(desk: Any, program: Any, places: Any, first: Any, last: Any, scales: Any, sums: Any, pictures: Any) -> None:
    """Run a program for each board.

    first, last: (B, H * W) float32; places: the pixel of each cell. Pictures go to pictures (B, T, H * W). A picture's
    loss is scales[LAST or FIRST] times the sum of its squared errors, and these are added up in sums (2,) float64.
    """
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
            elif code == DRAW:
                for k in range(places.shape[0]):
                    pictures[board, a, k] = desk.picture[places[k]]
