"""The loop that runs a program on the matrix unit."""

from typing import Any

from numba import float32

from golfast.jit import inlined, kernel, part
from golfast.model.compiled import floats
from golfast.model.compiled.amx.convolve import (
    hidden_layer,
    input_gradient,
    pair,
    picture_layer,
    turned_at,
    weight_gradient,
)
from golfast.model.compiled.amx.layout import ROW
from golfast.model.compiled.amx.tiles import release
from golfast.model.compiled.program import ACCEPT, BACK, BLAME, HIDDEN, LAST, PAIR, PICTURE, SHOW, TAKE, WEIGHT


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
                weight_gradient(desk, a, b)
            elif code == PICTURE:
                picture_layer(desk, a, b)
            elif code == BLAME:
                wanted = last[board] if a == LAST else first[board]
                sums[a] += _blame(desk, b, c, wanted, places, scales[a])
            elif code == PAIR:
                pair(desk, a, b)
            elif code == TAKE:
                _take(desk, a, first[board], places)
            elif code == SHOW:
                _show(desk, hidden[a], places, b)
            elif code == ACCEPT:
                _accept(desk, b, c, blames[a], places)
            else:
                for k in range(places.shape[0]):
                    pictures[board, a, k] = desk.picture[places[k]]
    release()


@part
def _take(desk: Any, plane: int, cells: Any, places: Any) -> None:
    """Put a board's cells into channel 0 of a plane."""
    pixels = desk.live.shape[0]
    zeros = floats.splat(float32(0))
    for k in range(places.shape[0]):
        floats.store_row(desk.planes, (plane * pixels + places[k]) * ROW, floats.first(cells[k]), zeros)


@part
def _show(desk: Any, hidden: Any, places: Any, plane: int) -> None:
    """Put a hidden state, (C, H * W) bfloat16, into a plane."""
    pixels = desk.live.shape[0]
    for k in range(places.shape[0]):
        at = (plane * pixels + places[k]) * ROW
        for channel in range(hidden.shape[0]):
            desk.planes[at + channel] = hidden[channel, k]


@part
def _accept(desk: Any, layer: int, plane: int, blames: Any, places: Any) -> None:
    """The gradient of the picture, (H * W,), goes to a plane, and to the layer's bias."""
    bias = 0.0
    for k in range(places.shape[0]):
        bias += blames[k]
        _put(desk, plane, places[k], blames[k])
    desk.bias_gradient[layer * ROW] += bias


@part
def _blame(desk: Any, layer: int, plane: int, wanted: Any, places: Any, scale: float) -> float:
    """The picture's sum of squared errors; the gradient of `scale` times it goes to a plane, and to the bias."""
    total, bias = 0.0, 0.0
    for k in range(places.shape[0]):
        error = desk.picture[places[k]] - wanted[k]
        total += error * error
        bias += 2 * scale * error
        _put(desk, plane, places[k], float32(2 * scale * error))
    desk.bias_gradient[layer * ROW] += bias
    return total


@inlined
def _put(desk: Any, plane: int, pixel: int, gradient: float) -> None:
    """Put a picture's gradient into channel 0 of a gradient plane, both ways."""
    at = (plane * desk.live.shape[0] + pixel) * ROW
    floats.store_row(desk.planes, at, floats.first(gradient), floats.splat(float32(0)))
    desk.turned[turned_at(desk, plane) + pixel - desk.margin] = desk.planes[at]
