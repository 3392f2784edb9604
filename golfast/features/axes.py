"""Which axis of a sequence of activations holds the units.

Convolutions put out (B, C, L), and recurrent layers and transformers (B, T, U): the shape alone does not say which is
which. A layer's own kind does, or, where it has none (an activation, a container), that of the nearest one before it;
and where that one has a number of units that only one of the axes has, this says it, whatever was transposed since.
"""

from collections.abc import Mapping, Sequence

from torch import Tensor, nn

_UNITS = ("out_channels", "out_features", "num_features", "num_channels", "embedding_dim", "embed_dim", "d_model")
_LAST = (nn.Linear, nn.LayerNorm, nn.RMSNorm, nn.Embedding, nn.RNNBase, nn.MultiheadAttention)


def units_first(name: str, modules: Mapping[str, nn.Module], outputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What a layer put out, with sequences as (B, U, places); all else as it is.

    modules: all of the network's, by the names that they have in addresses, in their order.
    """
    module = modules[name]
    swapped = getattr(module, "batch_first", True) is False  # (T, B, U)
    found = dict(outputs)
    for number, (part, output) in enumerate(outputs.items()):
        if output.dim() != 3:
            continue
        states = isinstance(module, nn.RNNBase) and number > 0  # the last states of each of its own layers: (L, B, U)
        attention = isinstance(module, nn.MultiheadAttention) and number > 0  # (B, T, T)
        if states or (swapped and not attention):
            found[part] = output.permute(1, 2, 0)
        elif not attention and _units_last(name, modules, tuple(output.shape[1:])):
            found[part] = output.transpose(1, 2)
    return found


def in_place(output: Tensor, place: Sequence[int] | None, layer: str) -> Tensor:
    """(B, U): what (B, U, ...) is in one place; all of it if that is None. ValueError for a place that there is not."""
    if place is None:
        return output
    sides = output.shape[2:]
    if len(place) != len(sides) or not all(0 <= number < side for number, side in zip(place, sides, strict=True)):
        raise ValueError(
            f"place {', '.join(map(str, place))} is outside layer {layer} of {' x '.join(map(str, sides))} places"
        )
    index: tuple[int | slice, ...] = (slice(None), slice(None), *place)
    return output[index]


def _units_last(name: str, modules: Mapping[str, nn.Module], shape: tuple[int, ...]) -> bool:
    """Whether the units of (B, *shape) are on the last axis; yes where nothing says."""
    inside = [module for other, module in modules.items() if other.startswith(f"{name}.") or other == name]
    before = list(modules.values())
    before = before[: before.index(modules[name])]
    within = inside if name != "output" else list(modules.values())
    for module in [*reversed(within), *reversed(before)]:
        last = _kind(module)
        if last is None:
            continue
        units = _units(module)
        if (shape[0] == units) != (shape[1] == units):
            return shape[1] == units
        return last
    return True


def _kind(module: nn.Module) -> bool | None:
    """Whether a module has its units on the last axis; None for one that takes them as they come."""
    if isinstance(module, _LAST) or type(module).__name__.startswith("Transformer"):
        return True
    return False if type(module).__name__.endswith("1d") and not type(module).__name__.startswith("Drop") else None


def _units(module: nn.Module) -> int | None:
    if isinstance(module, nn.RNNBase):
        width = module.proj_size or module.hidden_size
        return 2 * width if module.bidirectional else width
    if isinstance(module, nn.LayerNorm | nn.RMSNorm):
        return int(module.normalized_shape[-1])
    return next((int(getattr(module, word)) for word in _UNITS if isinstance(getattr(module, word, None), int)), None)
