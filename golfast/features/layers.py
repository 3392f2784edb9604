"""Layers of any torch module, found by name, and what they put out.

A layer's address is the name that torch gives it ("cores.0.stack.layers.1"). Where a layer is used several times in one
pass, "@2" after the name is its second use; where it puts out several tensors, ":1" is the one after the first (":0").
The module itself is called "output". Shapes: B batch, U units, C channels, H rows, W columns.
"""

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass

import torch
from torch import Tensor, nn

WHOLE = "output"
Activations = Mapping[str, Tensor]


class _Enough(Exception):  # noqa: N818 - not an error: every layer that was asked for has spoken
    pass


@dataclass(frozen=True)
class Layer:
    """One place in a module where there is something to look at."""

    address: str
    shape: tuple[int, ...]
    """Of its output without the batch: (U,), or (C, H, W) with a unit per channel."""

    @property
    def units(self) -> int:
        """How many units there are."""
        return self.shape[0]

    @property
    def centre(self) -> tuple[int, int] | None:
        """The middle of a layer with rows and columns; None for one without."""
        return (self.shape[1] // 2, self.shape[2] // 2) if len(self.shape) == 3 else None


class Probe:
    """Reads the layers of a module while it runs.

    run: what is called with a batch of inputs, by default the module; for a network whose work is a method of another
    name, that method. The module is in evaluation mode while it is read and its weights are never touched.
    """

    def __init__(self, module: nn.Module, *, run: Callable[[Tensor], object] | None = None) -> None:
        self.module = module
        self.run: Callable[[Tensor], object] = module if run is None else run

    def layers(self, example: Tensor) -> dict[str, Layer]:
        """All layers by address, in the order of use, found by running the module on an example (B, ...).

        Left out are those that do not put out one (B, U) or (B, C, H, W) tensor per input of the batch. Where a layer
        is used once or puts out one tensor, its address says nothing about it.
        """
        found: dict[str, list[list[Tensor]]] = {}
        with torch.no_grad(), self._listening(lambda name, _, outputs: found.setdefault(name, []).append(outputs)):
            self._call(example)
        layers = {}
        order: list[tuple[str, Tensor]] = []
        for name, uses in found.items():
            for use, outputs in enumerate(uses, 1):
                for index, output in enumerate(outputs):
                    used = f"@{use}" if len(uses) > 1 else ""
                    order.append((f"{name}{used}" + (f":{index}" if len(outputs) > 1 else ""), output))
        for address, output in order:
            if output.dim() in (2, 4) and len(output) == len(example) and output.is_floating_point():
                layers[address] = Layer(address, tuple(output.shape[1:]))
        return layers

    def find(self, address: str, example: Tensor) -> Layer:
        """The layer at an address. ValueError, with the list of layers, if there is none."""
        layers = self.layers(example)
        if address not in layers:
            raise ValueError(unknown_layer(address, layers))
        return layers[address]

    def read(self, inputs: Tensor, addresses: Iterable[str]) -> dict[str, Tensor]:
        """What the layers at `addresses` put out for inputs (B, ...); the rest of the module does not run.

        Gradients flow from the result to `inputs`. ValueError for an address that there is not.
        """
        wanted = {address: _split(address) for address in addresses}
        result: dict[str, Tensor] = {}

        def hear(name: str, use: int, outputs: list[Tensor]) -> None:
            for address, (layer, which, index) in wanted.items():
                if layer == name and which == use and index < len(outputs):
                    result[address] = outputs[index]
            if len(result) == len(wanted):
                raise _Enough

        with self._listening(hear, {layer for layer, _, _ in wanted.values()}), suppress(_Enough):
            self._call(inputs)
        missing = [address for address in wanted if address not in result]
        if missing:
            raise ValueError(unknown_layer(missing[0], self.layers(inputs.detach()[:1])))
        return result

    def _call(self, inputs: Tensor) -> object:
        training = [module for module in self.module.modules() if module.training]
        self.module.eval()
        try:
            return self.run(inputs)
        except RuntimeError as error:  # of torch: shapes that do not fit, or memory
            if "memory" in str(error) or type(error) is not RuntimeError:
                raise
            raise ValueError(f"the network does not take inputs of shape {tuple(inputs.shape)}: {error}") from error
        finally:
            for module in training:
                module.training = True

    @contextmanager
    def _listening(
        self, hear: Callable[[str, int, list[Tensor]], None], names: set[str] | None = None
    ) -> Iterator[None]:
        """Call hear(name, use, outputs) whenever one of the layers of these names (all by default) has been used."""
        uses: dict[str, int] = {}

        def hook(name: str) -> Callable[[nn.Module, object, object], None]:
            def heard(_module: nn.Module, _inputs: object, output: object) -> None:
                uses[name] = uses.get(name, 0) + 1
                hear(name, uses[name], _tensors(output))

            return heard

        with ExitStack() as hooks:
            for name, module in self.module.named_modules():
                if names is None or (name or WHOLE) in names:
                    handle = module.register_forward_hook(hook(name or WHOLE))
                    hooks.callback(handle.remove)
            yield


def unknown_layer(address: str, layers: Mapping[str, Layer]) -> str:
    """The sentence for a layer that there is not."""
    near = difflib.get_close_matches(address, layers, n=1, cutoff=0.5)
    guess = f"; did you mean {near[0]!r}?" if near else ";"
    listed = ", ".join(f"{layer.address} ({layer.units} units)" for layer in layers.values())
    return f"there is no layer {address!r}{guess} layers are: {listed}"


def _split(address: str) -> tuple[str, int, int]:
    """An address as name, use (from 1) and index of the output."""
    rest, colon, index = address.rpartition(":")
    if not colon or not index.isdecimal():
        rest, index = address, "0"
    name, at, use = rest.rpartition("@")
    if not at or not use.isdecimal():
        name, use = rest, "1"
    return name, int(use), int(index)


def _tensors(output: object) -> list[Tensor]:
    if isinstance(output, Tensor):
        return [output]
    if isinstance(output, tuple | list):
        return [tensor for part in output for tensor in _tensors(part)]
    return []
