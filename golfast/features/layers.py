"""Layers of any torch module, found by name, and what they put out.

A layer's address is the name that torch gives it ("cores.0.stack.layers.1"). Where a layer is used several times in one
pass, "@2" after the name is its second use. Where it puts out several tensors, ":1" is the one after the first (":0"),
and ":logits" the one of that name in a dictionary or a dataclass. The module itself is called "output"; a layer in it
that has this name is ".output".

Units are always the axis after the batch. What has them last, such as recurrent layers and transformers, (B, T, U), is
read as (B, U, T): see `axes`. Shapes: B batch, U units, C channels, H rows, W columns, L or T places of a sequence.
"""

import dataclasses
import difflib
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count

import torch
from torch import Tensor, nn

from golfast.features.axes import Axes, has_places, units_first
from golfast.features.state import state_of, unchanged

WHOLE = "output"
Activations = Mapping[str, Tensor]
_REST = re.compile(r"(?:@([0-9]+))?(?::(.*))?", re.DOTALL)  # of an address, after the name


class _Enough(Exception):  # noqa: N818 - not an error: every layer that was asked for has spoken
    pass


@dataclass(frozen=True)
class Layer:
    """One place in a module where there is something to look at."""

    address: str
    shape: tuple[int, ...]
    """Of its output without the batch: (U,), or with places (U, L), or (C, H, W) with a unit per channel."""

    @property
    def units(self) -> int:
        """How many units there are."""
        return self.shape[0]

    @property
    def centre(self) -> tuple[int, ...] | None:
        """The middle of a layer with places, (row, column) or (place,); None for one without."""
        return tuple(length // 2 for length in self.shape[1:]) or None


class Probe:
    """Reads the layers of a module while it runs.

    run: what is called with a batch of inputs, by default the module; for a network whose work is a method of another
    name, that method. It gets inputs of its own, in the module's precision if they are floating numbers. The module is
    in evaluation mode while it is read, each part is in its own mode again afterwards, and weights are never touched.

    What is read is what a layer put out, whatever the module writes into the same memory later. If a forward keeps
    state in attributes, it always runs to its end, and that state is then what a plain call of the module leaves.
    """

    def __init__(self, module: nn.Module, *, run: Callable[[Tensor], object] | None = None) -> None:
        self.module = module
        self.run: Callable[[Tensor], object] = module if run is None else run
        self._may_stop: dict[frozenset[str], bool] = {}  # by addresses: whether leaving there leaves no state behind
        # By the shape of an input, the layer and its use: for each part its shape, and whether its units are last.
        self._last: dict[tuple[tuple[int, ...], str, int], dict[str, tuple[tuple[int, ...], bool]]] = {}

    def layers(self, example: Tensor) -> dict[str, Layer]:
        """All layers by address, in the order of use, found by running the module on an example (B, ...).

        Left out are those that do not put out one (B, U), (B, U, L) or (B, C, H, W) tensor per input of the batch.
        Where a layer is used once or puts out one tensor, its address says nothing about it.
        """
        found: dict[str, list[dict[str, Tensor]]] = {}

        def hear(name: str, use: int, inputs: Sequence[object], outputs: dict[str, Tensor]) -> None:
            # Shape and dtype alone are kept: the tensor may get another shape in place.
            last = axes.units_last(names[name], inputs, outputs)
            self._learn(example, name, use, outputs, last)
            outputs = units_first(names[name], outputs, last)
            looks = {part: torch.empty(output.shape, dtype=output.dtype, device="meta")
                     for part, output in outputs.items()}  # fmt: skip
            found.setdefault(name, []).append(looks)

        names = self._named()
        axes = Axes(list(names.values()))
        with torch.no_grad(), _listening(names, hear):
            self._call(example)
        layers: dict[str, Layer] = {}
        order: list[tuple[str, Tensor]] = []
        for name, uses in found.items():
            for use, outputs in enumerate(uses, 1):
                for part, output in outputs.items():
                    wanted = _Place(name, use, part)
                    order.append((wanted.address(names, often=len(uses) > 1, many=len(outputs) > 1), output))
        for address, output in order:
            if output.dim() in (2, 3, 4) and len(output) == len(example) and output.is_floating_point():
                layers[address] = Layer(address, tuple(output.shape[1:]))
        return layers

    def find(self, address: str, example: Tensor) -> Layer:
        """The layer at an address. ValueError, with the list of layers, if there is none."""
        layers = self.layers(example)
        if address not in layers:
            raise ValueError(self._unknown(address, layers))
        return layers[address]

    def read(
        self,
        inputs: Tensor,
        addresses: Iterable[str],
        *,
        take: Callable[[str, Tensor], Tensor] = lambda address, output: output,
    ) -> dict[str, Tensor]:
        """What the layers at `addresses` put out for inputs (B, ...); the rest of the module need not run.

        take: what is kept of the output of an address, such as one place of it; by default all. Gradients flow from the
        result to `inputs`. ValueError for an address that there is not.
        """
        names = self._named()
        places = {address: _parse(address, names) for address in addresses}
        wanted = {address: place for address, place in places.items() if place is not None}
        key = frozenset(places)
        result: dict[str, Tensor] = {}
        left = missed = False
        # Where a layer has its units is known from an earlier run, or all layers are heard to find it.
        uses = {(tuple(inputs.shape[1:]), place.name, place.use) for place in wanted.values()}
        axes = None if uses <= self._last.keys() else Axes(list(names.values()))
        heard = names if axes else {place.name: names[place.name] for place in wanted.values()}
        meant = {place.name for place in wanted.values()}

        def hear(name: str, use: int, given: Sequence[object], outputs: dict[str, Tensor]) -> None:
            nonlocal left, missed
            if axes is not None:
                last = axes.units_last(names[name], given, outputs)
                self._learn(inputs, name, use, outputs, last)
            if name not in meant:
                return
            if axes is None:
                known = self._known(inputs, name, use, outputs)
                missed = missed or known is None
                last = known or {}
            if missed:
                return
            outputs = units_first(names[name], outputs, last)
            fresh = [
                address
                for address, place in wanted.items()
                if (place.name, place.use) == (name, use) and place.part_of(outputs) is not None
            ]
            for address in fresh:
                output = wanted[address].part_of(outputs)
                assert output is not None
                result[address] = take(address, output)
            if len(result) == len(places):
                if key not in self._may_stop:
                    self._may_stop[key] = unchanged(before, state_of(self.module))
                if self._may_stop[key]:
                    left = True
                    raise _Enough
            for address in fresh:  # from here on the module may write over it
                result[address] = result[address].clone()

        stopped = False
        with _listening(heard, hear):
            before = [] if key in self._may_stop else state_of(self.module)
            try:
                self._call(inputs)
            except _Enough:
                stopped = True
            except Exception:  # of what comes after the layers, if they have all spoken
                if len(result) < len(places) and not missed:
                    raise
        if missed:  # it went another way than before, and has to be followed anew
            for key_of_use in uses:
                self._last.pop(key_of_use, None)
            return self.read(inputs, places, take=take)
        if left and not stopped:  # the module caught what was to stop it, and went on with what had not been copied
            self._may_stop[key] = False
            return self.read(inputs, places, take=take)
        missing = [address for address in places if address not in result]
        if missing:
            raise ValueError(self._unknown(missing[0], self.layers(inputs.detach()[:1])))
        return result

    def _learn(
        self, inputs: Tensor, name: str, use: int, outputs: Mapping[str, Tensor], last: Mapping[str, bool]
    ) -> None:
        """Keep where the units of a layer are, for inputs of this shape."""
        self._last[tuple(inputs.shape[1:]), name, use] = {
            part: (tuple(outputs[part].shape[1:]), units_last) for part, units_last in last.items()
        }

    def _known(self, inputs: Tensor, name: str, use: int, outputs: Mapping[str, Tensor]) -> dict[str, bool] | None:
        """Whether units are last in each output, as it was kept; None if the layer puts out something else now."""
        shapes = {part: tuple(output.shape[1:]) for part, output in outputs.items() if has_places(output)}
        kept = self._last.get((tuple(inputs.shape[1:]), name, use), {})
        if shapes != {part: shape for part, (shape, _) in kept.items()}:
            return None
        return {part: units_last for part, (_, units_last) in kept.items()}

    def _call(self, inputs: Tensor) -> object:
        own = inputs.to(self._dtype(inputs), copy=True)  # a module may write into its input
        modes = [(module, getattr(module, "training", False)) for module in self.module.modules()]
        changes = any(training for _, training in modes)
        if changes:
            self.module.eval()
        try:
            return self.run(own)
        except RuntimeError as error:  # of torch: shapes that do not fit, or memory
            if "memory" in str(error) or type(error) is not RuntimeError:
                raise
            shape = tuple(inputs.shape)
            last = len(shape) == 4 and shape[3] in (1, 3, 4) and shape[1] > 4
            hint = "; channels come before rows and columns here, and these look as if they came last" if last else ""
            raise ValueError(f"the network does not take inputs of shape {shape}: {error}{hint}") from error
        finally:
            if changes:
                _set_modes(modes)

    def _dtype(self, inputs: Tensor) -> torch.dtype:
        """The module's, if it and the inputs have floating numbers: one in half precision takes no others."""
        if inputs.is_floating_point():
            for parameter in self.module.parameters():
                if parameter.is_floating_point():
                    return parameter.dtype
        return inputs.dtype

    def _named(self) -> dict[str, nn.Module]:
        """The modules by their names in addresses."""
        return {_own_name(name): module for name, module in self.module.named_modules()}

    def _unknown(self, address: str, layers: Mapping[str, Layer]) -> str:
        names = self._named()
        place = _parse(address, names)
        outer = place.name.split(".")[:-1] if place and place.name != WHOLE else None
        if outer is not None:
            around = [names.get(_own_name(".".join(outer[:depth]))) for depth in range(len(outer) + 1)]
            if any(isinstance(module, torch.jit.ScriptModule) for module in around):
                return (
                    f"layer {address!r} is within TorchScript, which tells nobody what its layers put out; "
                    "probe the module that was scripted or traced"
                )
        return unknown_layer(address, layers)


@contextmanager
def _listening(
    modules: Mapping[str, nn.Module], hear: Callable[[str, int, Sequence[object], dict[str, Tensor]], None]
) -> Iterator[None]:
    """Call hear(name, use, inputs, outputs) whenever one of the modules, given by name, has been used."""
    uses = dict.fromkeys(modules, 0)

    def heard(name: str, inputs: Sequence[object], output: object) -> None:
        uses[name] += 1
        hear(name, uses[name], inputs, _tensors(output))

    def hook(name: str) -> Callable[[nn.Module, Sequence[object], object], None]:
        return lambda _module, inputs, output: heard(name, inputs, output)

    # TorchScript takes no hooks of its own.
    scripted = {module: name for name, module in modules.items() if isinstance(module, torch.jit.ScriptModule)}

    def everywhere(module: nn.Module, inputs: Sequence[object], output: object) -> None:
        if module in scripted:
            heard(scripted[module], inputs, output)

    with ExitStack() as hooks:
        for name, module in modules.items():
            if module not in scripted:
                hooks.callback(module.register_forward_hook(hook(name)).remove)
        if scripted:
            hooks.callback(nn.modules.module.register_module_forward_hook(everywhere).remove)
        yield


@dataclass(frozen=True)
class _Place:
    """What an address means: a layer by name, which use of it (from 1), which of its outputs (None: the first)."""

    name: str
    use: int = 1
    part: str | None = None

    def part_of(self, outputs: Mapping[str, Tensor]) -> Tensor | None:
        """The output that is meant, None if there is none of that name."""
        return next(iter(outputs.values()), None) if self.part is None else outputs.get(self.part)

    def address(self, names: Collection[str], *, often: bool, many: bool) -> str:
        """The shortest address that says no more than it must, and that is not another layer's name.

        often: whether the layer is used several times; many: whether it puts out several tensors.
        """
        part = f":{self.part}" if many else ""
        meant = self if many else dataclasses.replace(self, part=None)
        short = self.name + part
        if not often and _parse(short, names) == meant:
            return short
        # "@02" is "@2" where that is the end of another layer's name.
        tried = (f"{self.name}@{'0' * zeros}{self.use}{part}" for zeros in count())
        return next(address for address in tried if _parse(address, names) == meant)


def unknown_layer(address: str, layers: Mapping[str, Layer]) -> str:
    """The sentence for a layer that there is not."""
    near = difflib.get_close_matches(address, layers, n=1, cutoff=0.5)
    guess = f"; did you mean {near[0]!r}?" if near else ";"
    listed = ", ".join(f"{layer.address} ({layer.units} units)" for layer in layers.values())
    return f"there is no layer {address!r}{guess} layers are: {listed}"


def _own_name(name: str) -> str:
    """A module's name in addresses, from its name in torch."""
    return WHOLE if name == "" else f".{name}" if name == WHOLE else name


def _parse(address: str, names: Collection[str]) -> _Place | None:
    """What an address means; where it can be read in two ways, the longest name that there is. None for no name."""
    if address in names:
        return _Place(address)
    for name in sorted((name for name in names if address.startswith(name)), key=len, reverse=True):
        if rest := _REST.fullmatch(address, len(name)):
            use, part = rest.groups()
            return _Place(name, 1 if use is None else int(use), part)
    return None


def _tensors(output: object) -> dict[str, Tensor]:
    """The tensors in what a layer put out, by name: keys of dictionaries and dataclasses, and numbers of all else."""
    found: dict[str, Tensor] = {}
    for number, (name, tensor) in enumerate(_parts(output)):
        found.setdefault(name if name and name not in found else str(number), tensor)
    return found


def _parts(output: object) -> list[tuple[str, Tensor]]:
    """Tensors with the keys that lead to them, "" if there are none, in order."""
    if isinstance(output, Tensor):
        return [("", output)]
    if isinstance(output, tuple | list):
        return [part for inner in output for part in _parts(inner)]
    if dataclasses.is_dataclass(output) and not isinstance(output, type):
        output = {field.name: getattr(output, field.name) for field in dataclasses.fields(output)}
    if isinstance(output, Mapping):
        found = []
        for key, inner in output.items():
            parts = _parts(inner)
            for number, (name, tensor) in enumerate(parts):
                rest = name or (str(number) if len(parts) > 1 else "")
                found.append((f"{key}.{rest}" if rest else str(key), tensor))
        return found
    return []


def _set_modes(modes: Sequence[tuple[nn.Module, bool]]) -> None:
    """Bring modules back into the modes they were in, outer ones first, as a user would: by `train`."""
    for module, training in modes:
        if getattr(module, "training", False) != training:
            module.train(training)
    for module, training in modes:  # what a `train` of the module's own may have left in another
        if getattr(module, "training", False) != training:
            module.training = training
