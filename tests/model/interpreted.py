"""Convolutions in Triton against those of torch, computed by Triton's interpreter: prints relative errors as JSON.

A process of its own, for whether kernels are compiled or interpreted is settled when Triton is imported.
"""

import json
import os

os.environ["TRITON_INTERPRET"] = "1"

import torch

from golfast.data import Recipe, generate
from golfast.model import ModelConfig, Network, implicit, products
from golfast.run.config import override
from golfast.run.precision import Compute
from golfast.train import Feed, TrainConfig
from golfast.train.optimise import seeded_network
from golfast.train.stack.step import StackedStep

CPU = torch.device("cpu")
SIZES = [  # networks, batch, height, width, inputs, outputs
    (3, 2, 6, 7, 5, 4),
    (2, 3, 20, 20, 20, 20),
    (2, 2, 5, 9, 1, 20),
    (1, 2, 5, 9, 20, 1),
    (2, 1, 1, 1, 3, 2),
    (1, 1, 2, 3, 42, 33),
]


def error(ours, theirs):
    return float((ours - theirs).detach().norm() / theirs.detach().norm().clamp(min=1e-9))


def convolutions(size, slope, padding, dtype):
    """The largest error of result and gradients beside float64."""
    networks, batch, height, width, inputs, outputs = size
    x = torch.randn(networks, batch, height, width, inputs)
    weight = torch.randn(networks, outputs, 9 * inputs) * (9 * inputs) ** -0.5
    bias, after = torch.randn(networks, outputs), torch.randn(networks, batch, height, width, outputs)
    given = [tensor.to(dtype) for tensor in (x, weight, bias, after)]
    found = []
    for convolve, kind in ((implicit.convolve, dtype), (products.convolve, torch.float64)):
        *leaves, change = (tensor.to(kind).requires_grad_() for tensor in given)
        y = convolve(*leaves, slope=slope, padding=padding)
        found.append([tensor.double() for tensor in (y, *torch.autograd.grad(y, leaves, change))])
    return max(map(error, *found))


def training():
    """The largest error in weights and losses of stacked networks after three steps, beside the same by torch."""
    config = TrainConfig(
        batch=4,
        data=Recipe(count=20, height=7, width=9, generations=2),
        model=ModelConfig(timesteps=2, channels=6, core_layers=2, decoder_layers=2, slope=0.3),
    )
    configs = [config, override(config, {"autoencoder": False}), override(config, {"optimiser.lr": 0.01})]
    pairs = Feed(generate(config.data), 9, batch=4, seed=0, device=CPU).upload(CPU)
    order = torch.randint(0, 20, (3, 3, 4), generator=torch.Generator().manual_seed(1))
    found = []
    for convolve in (implicit.convolve, products.convolve):
        step = StackedStep(configs, pairs, Compute(CPU, torch.float32), convolve=convolve)
        for place in range(3):
            named = seeded_network(Network, config.model, seed=place).named_parameters()
            step.put(place, {"weights": step.network.pack(dict(named))})
        step.run(order, torch.ones(3, 3))
        found.append([step.rows.weights, step.rows.losses])
    return max(map(error, *found))


torch.manual_seed(0)
paddings = "zeros", "circular"
found = {
    "float32": [convolutions(size, 0.3, padding, torch.float32) for size in SIZES for padding in paddings],
    "float16": [convolutions(size, 0.01, "zeros", torch.float16) for size in SIZES],
    "linear": [convolutions(SIZES[0], slope, "zeros", torch.float32) for slope in (1.0, 0.0)],
    "training": [training()],
}
implicit.MOST_PLACES = 0
found["places of 64 bits"] = [convolutions(size, 0.3, padding, torch.float32) for size in SIZES for padding in paddings]
print(json.dumps(found))
