"""A training step of many networks, written so that a GPU can replay it: fixed buffers, and nothing that waits."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from golfast.model.fastest import fastest_convolution
from golfast.model.products import Convolution
from golfast.model.stacked import StackedNetwork
from golfast.run.precision import Compute
from golfast.train.config import TrainConfig
from golfast.train.feed import unpack_bits
from golfast.train.stack.optimise import Rates, Rows, descend

LONGEST = 64  # steps of which the data order is sent to the device at a time
_WARM = 3  # steps before a capture, so that libraries have made what they need


class StackedStep:
    """Networks of one shape, and steps of all of them.

    On a GPU a step is captured once as a CUDA graph and then replayed: which trajectories it takes and at what learning
    rates it looks up on the device, by a counter that lies there, too. Nothing here waits for the device but `take`.

    Shapes: N networks, B batch, S steps, H rows, W columns, T timesteps.
    """

    def __init__(
        self,
        configs: Sequence[TrainConfig],
        pairs: Tensor,
        compute: Compute,
        *,
        graph: bool = True,
        convolve: Convolution | None = None,
    ) -> None:
        """configs: of each network, `alike`. pairs: the set's first and last states on the device, packed,
        (count, 2, H, ceil(W/8)) uint8. graph: whether to capture on a GPU. convolve: the fastest there if left out.
        """
        one, device = configs[0], compute.device
        convolve = convolve or fastest_convolution(one.model, device, compute.dtype)
        self.network = StackedNetwork(one.model, convolve)
        self.pairs = pairs
        self._config, self._compute, self._graphed = one, compute, graph and device.type == "cuda"
        self._scaled = compute.dtype is torch.float16
        count = len(configs)
        self.rows = Rows.made(count, self.network.size, device, scaled=self._scaled)
        self._rates = Rates.of([config.optimiser for config in configs], device)
        share = [0.5 if config.autoencoder else 0.0 for config in configs]
        self._recreates = any(share)
        self._share = torch.tensor(share, device=device)
        self._order = torch.zeros(LONGEST, count * one.batch, dtype=torch.int64, device=device)
        self._factors = torch.zeros(LONGEST, count, device=device)
        self._place = torch.zeros(1, dtype=torch.int64, device=device)
        self._graph: torch.cuda.CUDAGraph | None = None

    def put(self, place: int, state: dict[str, Tensor]) -> None:
        """Give a network its row: "weights" (P,), or all that `take` gave."""
        for name, tensor in state.items():
            getattr(self.rows, name)[place] = tensor

    def take(self, place: int) -> dict[str, Tensor]:
        """All that changes of a network, copied to the CPU."""
        return {name: tensor[place].cpu().clone() for name, tensor in self.rows.each().items()}

    def run(self, order: Tensor, factors: Tensor) -> None:
        """Train as many steps as `order` has, S: numbers of trajectories, (S, N, B) int64.

        factors: of the learning rates, (S, N) float32. Both on the CPU; returns before the device is done.
        """
        device, steps = self._compute.device, len(order)
        assert steps <= LONGEST
        if device.type == "cuda":  # only what is pinned is copied without waiting
            order, factors = order.pin_memory(), factors.pin_memory()
        self._order[:steps].copy_(order.flatten(1), non_blocking=True)
        self._factors[:steps].copy_(factors, non_blocking=True)
        self._place.zero_()
        if self._graphed and self._graph is None:
            self._graph = self._captured()
        for _ in range(steps):
            if self._graph is not None:
                self._graph.replay()
            else:
                self._step()

    def imagine(self, places: Sequence[int], first: Tensor) -> Tensor:
        """What some of the networks make of the same first states (B, H, W): (n, B, T, H, W) float32."""
        with torch.no_grad():
            chosen = torch.tensor(places, device=self._compute.device)
            weights = self.network.views(self.rows.weights[chosen].to(self._compute.dtype))
            firsts = first.to(self._compute.dtype).expand(len(places), *first.shape)
            return self.network.imagine(weights, firsts).float()

    def _step(self) -> None:
        dtype, width = self._compute.dtype, self._config.data.width
        count, batch = len(self.rows.weights), self._config.batch
        numbers = self._order.index_select(0, self._place).view(-1)
        factor = self._factors.index_select(0, self._place).view(-1)
        cells = unpack_bits(self.pairs.index_select(0, numbers), width)
        cells = cells.view(count, batch, 2, cells.shape[-2], width)
        first, last = cells[:, :, 0], cells[:, :, 1]
        lower = self.rows.weights.to(dtype, copy=True)
        leaves = {name: view.detach().requires_grad_() for name, view in self.network.views(lower).items()}
        losses = self._losses(leaves, first, last)
        scaled = losses * self.rows.scale if self._scaled else losses
        gradients = torch.autograd.grad(scaled.sum(), [leaves[part.name] for part in self.network.parts])
        flat = torch.cat([gradient.flatten(1).float() for gradient in gradients], dim=1)
        muon = self._config.optimiser.name == "muon"
        matrices = self.network.matrices if muon else (0, 0, 0)
        descend(self.rows, flat, factor, self._rates, matrices, scaled=self._scaled, half=dtype is torch.bfloat16)
        self.rows.losses += losses.detach()
        self._place += 1

    def _losses(self, weights: dict[str, Tensor], first: Tensor, last: Tensor) -> Tensor:
        """The mean squared errors of prediction and, where it counts, of recreation: (N,) float32."""
        start = first.to(self._compute.dtype)
        if self._recreates:
            predicted, recreated = self.network.forward(weights, start)
            errors = (predicted.float() - last).square().mean((1, 2, 3))
            again = (recreated.float() - first).square().mean((1, 2, 3))
            return errors * (1 - self._share) + again * self._share
        predicted = self.network.decode(weights, self.network.hidden_states(weights, start)[-1])
        return (predicted.float() - last).square().mean((1, 2, 3))

    def _captured(self) -> "torch.cuda.CUDAGraph":
        """The step as a CUDA graph. Steps are taken to warm up, and all that they changed is put back."""
        changed: list[Tensor] = [*self.rows.each().values(), self._place]
        before = [tensor.clone() for tensor in changed]
        stream = torch.cuda.Stream(self._compute.device)  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream(self._compute.device))
        with torch.cuda.stream(stream):
            for _ in range(_WARM):
                self._place.zero_()
                self._step()
        torch.cuda.current_stream(self._compute.device).wait_stream(stream)
        graph: Any = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self._step()
        for tensor, kept in zip(changed, before, strict=True):
            tensor.copy_(kept)
        found: torch.cuda.CUDAGraph = graph
        return found
