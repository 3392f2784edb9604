"""Which axis of activations holds the units.

Convolutions put out (B, C, L) or (B, C, H, W), and linear layers, recurrent layers and transformers (B, ..., U): the
shape alone does not say which is which. A layer's own kind does. One without a kind of its own (an activation, a
container) has the units where the tensor has them that it puts out or was given, as the layer before left them there.
Where that tensor is new, the layer that was used last says it; and where that one has a number of units that only one
of the axes has, this says it, whatever was transposed since.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.multiprocessing.reductions import StorageWeakRef

_UNITS = ("out_channels", "out_features", "num_features", "num_channels", "embedding_dim", "embed_dim", "d_model")
_LAST = (
    nn.Linear,
    nn.Bilinear,
    nn.Embedding,
    nn.RNNBase,
    nn.MultiheadAttention,
    nn.Transformer,
    nn.TransformerEncoder,
    nn.TransformerDecoder,
    nn.TransformerEncoderLayer,
    nn.TransformerDecoderLayer,
)
_FIRST = (
    nn.GroupNorm,
    nn.SyncBatchNorm,
    nn.LocalResponseNorm,
    nn.Upsample,
    nn.PixelShuffle,
    nn.PixelUnshuffle,
    nn.Fold,
)
_PLACES = {"1d": 3, "2d": 4, "3d": 5}  # how many axes layers of such names put out; the batch may be left out


class Axes:
    """Follows the units' axis through one forward: told of every layer when it has been used, it says where units are.

    modules: all of the network's, in their order. No tensor is kept alive.
    """

    def __init__(self, modules: Sequence[nn.Module]) -> None:
        self._modules = modules
        # By memory: what tells that it is still that memory, and the units' stride and number.
        self._memory: dict[int, tuple[StorageWeakRef, int, int]] = {}
        self._latest: dict[int, tuple[bool, int]] = {}  # by number of axes: of the layer used last
        self._newest: tuple[bool, int] | None = None

    def units_last(self, module: nn.Module, inputs: Sequence[object], outputs: Mapping[str, Tensor]) -> dict[str, bool]:
        """Whether each output of three axes or more has its units on the last one; the others are left out.

        inputs: what the layer was given.
        """
        found = {}
        for number, (part, output) in enumerate(outputs.items()):
            if not has_places(output):
                continue
            if isinstance(module, nn.MultiheadAttention) and number > 0:
                found[part] = False  # attention, (B, T, T): as it comes
                continue
            last = self._told(module, inputs, output)
            if last is None:
                found[part] = self._unknown(output.dim())
            else:
                found[part] = last
                self._remember(output, last)
        return found

    def _told(self, module: nn.Module, inputs: Sequence[object], output: Tensor) -> bool | None:
        shape = tuple(output.shape[1:])
        own = _kind(module, output.dim())
        if own is not None:
            return _side(own, _units(module), shape)
        same = self._axis(output)
        if same is not None:
            return same[0]
        if next(module.children(), None) is None:
            for given in inputs:
                before = self._axis(given) if isinstance(given, Tensor) else None
                if before is not None and isinstance(given, Tensor) and given.dim() == output.dim():
                    return _side(*before, shape)
        latest = self._latest.get(output.dim(), self._newest if output.dim() == 3 else None)
        return None if latest is None else _side(*latest, shape)

    def _axis(self, tensor: Tensor) -> tuple[bool, int] | None:
        """Whether units are last, and how many, in memory that a layer put out; None where that is not known."""
        known = self._memory.get(tensor.untyped_storage()._cdata) if has_places(tensor) else None
        if known is None:
            return None
        _, stride, units = known
        axes = [axis for axis in range(1, tensor.dim()) if (tensor.stride(axis), tensor.shape[axis]) == (stride, units)]
        if len(axes) != 1 or axes[0] not in (1, tensor.dim() - 1):
            return None
        return axes[0] != 1, units

    def _remember(self, output: Tensor, last: bool) -> None:
        axis = output.dim() - 1 if last else 1
        units = output.shape[axis]
        # As long as the weak reference is held no other memory has this number, whatever becomes of the tensor.
        reference = StorageWeakRef(output.untyped_storage())  # type: ignore[no-untyped-call]
        self._memory[reference.cdata] = (reference, output.stride(axis), units)
        self._latest[output.dim()] = self._newest = (last, units)

    def _unknown(self, axes: int) -> bool:
        """For a layer before all that say it: as the first registered one takes it; with rows and columns, first."""
        if axes != 3:
            return False
        kinds = (_kind(module, axes) for module in self._modules)
        return next((kind for kind in kinds if kind is not None), True)


def has_places(output: Tensor) -> bool:
    """Whether there is an axis beside those of the batch and of the units; not of nested and sparse tensors."""
    return not output.is_nested and output.layout == torch.strided and output.dim() > 2


def units_first(module: nn.Module, outputs: Mapping[str, Tensor], last: Mapping[str, bool]) -> dict[str, Tensor]:
    """What a layer put out, as (B, U, places).

    last: what `Axes.units_last` says, or an equal; parts that are not in it stay as they are.
    """
    swapped = getattr(module, "batch_first", True) is False  # (T, B, U)
    found = dict(outputs)
    for number, (part, output) in enumerate(outputs.items()):
        states = isinstance(module, nn.RNNBase) and number > 0  # the last states of each of its own layers: (L, B, U)
        attention = isinstance(module, nn.MultiheadAttention) and number > 0  # (B, T, T)
        if output.dim() == 3 and (states or (swapped and not attention)):
            found[part] = output.permute(1, 2, 0)
        elif last.get(part, False):
            found[part] = output.transpose(1, 2) if output.dim() == 3 else output.movedim(-1, 1)
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


def _side(last: bool, units: int | None, shape: tuple[int, ...]) -> bool:
    """Whether units are last in (B, *shape): where only one end has their number, there; else as the kind says."""
    if (shape[0] == units) != (shape[-1] == units):
        return shape[-1] == units
    return last


def _kind(module: nn.Module, axes: int) -> bool | None:
    """Whether a module has its units on the last of so many axes; None for one that takes them as they come."""
    name = type(module).__name__
    holds = any(child != "parametrizations" for child, _ in module.named_children())
    # By name first: what is called LayerNorm2d is a LayerNorm of channels that come first.
    if name[-2:] in _PLACES and "Dropout" not in name and not holds:
        return False if axes == _PLACES[name[-2:]] else None
    if isinstance(module, nn.LayerNorm | nn.RMSNorm):  # over several axes it may be of rows and columns
        return True if len(module.normalized_shape) == 1 else None
    if isinstance(module, _LAST):
        return True
    return False if isinstance(module, _FIRST) else None


def _units(module: nn.Module) -> int | None:
    if isinstance(module, nn.RNNBase):
        width = module.proj_size or module.hidden_size
        return 2 * width if module.bidirectional else width
    if isinstance(module, nn.LayerNorm | nn.RMSNorm):
        return int(module.normalized_shape[-1])
    return next((int(getattr(module, word)) for word in _UNITS if isinstance(getattr(module, word, None), int)), None)
