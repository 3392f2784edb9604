"""Ascent among legal inputs, where no small steps are: a cell is alive or dead, a ball is here or there.

Each round ranks the places of an input by what their gradient promises for a move to the end of their range, tries the
best of them singly and several together, each projected to a legal input, and keeps what scores best. So it never
falls, it works in any legal space, and a round costs a few passes of the whole batch, not one for every place.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from golfast.features.legal import Legal
from golfast.features.parametrise import Space

_SINGLY = 3  # places tried one at a time in a round; a round that found nothing goes on with those ranked next
_TOGETHER = (2, 4, 8)  # and so many of the best at once
_PARTLY = (0.03, 0.2)  # and all of them by such a share of their range: for spaces that have something between


def refine(
    score: Callable[[Tensor], Tensor], inputs: Tensor, legal: Legal, space: Space, *, rounds: int
) -> tuple[Tensor, Tensor]:
    """Better legal inputs and their scores (B,), from legal inputs (B, *shape); no score is lower than it was.

    score: inputs (B, *shape) to scores (B,), each of its own input, differentiable. Ends after so many rounds, or when
    no input got better by any place it could still try.
    """
    best, batch = inputs.detach().clone(), len(inputs)
    width = (space.high - space.low).expand(space.shape).flatten()
    low, high = (edge.expand(space.shape).flatten() for edge in (space.low, space.high))
    reached = torch.full((batch,), -torch.inf, device=inputs.device)
    tried = torch.zeros(batch, dtype=torch.long, device=inputs.device)
    between = has_between(legal, space, inputs)
    for _ in range(rounds):
        leaf = best.clone().requires_grad_()
        scores = score(leaf)
        (gradient,) = torch.autograd.grad(scores.sum(), [leaf])
        reached = scores.detach()
        flat, slope = best.flatten(1), gradient.flatten(1)
        promise = slope * torch.where(slope > 0, high - flat, low - flat)
        ranked = promise.argsort(dim=1, descending=True, stable=True)
        left = (promise > 0).sum(1) - tried
        if not bool((left > 0).any()):
            break
        # Beyond the end of the range, so that where only one place may be on, or one of each of two, the newcomer wins.
        far = 3 * width * slope.sign()
        moves = [_only(far, ranked, tried + k, tried + k + 1) for k in range(_SINGLY)]
        moves += [_only(far, ranked, tried * 0, tried * 0 + k) for k in _TOGETHER]
        if between:
            steepest = (slope.abs() * width).amax(1, keepdim=True).clamp(min=torch.finfo(slope.dtype).tiny)
            moves += [share * width * (slope * width / steepest) for share in _PARTLY]
        better = torch.zeros(batch, dtype=torch.bool, device=inputs.device)
        with torch.no_grad():
            for move in moves:
                candidate = legal.project((flat + move).view_as(best))
                value = score(candidate)
                wins = value > reached
                best = torch.where(wins.view(-1, *[1] * (best.dim() - 1)), candidate, best)
                reached = torch.where(wins, value, reached)
                better |= wins
        tried = torch.where(better, 0, tried + _SINGLY)
    with torch.no_grad():
        return best, score(best)


def _only(far: Tensor, ranked: Tensor, start: Tensor, stop: Tensor) -> Tensor:
    """`far` (B, D) at the places of ranks start..stop of each input, 0 elsewhere."""
    rank = torch.arange(ranked.shape[1], device=ranked.device)
    chosen = (rank >= start[:, None]) & (rank < stop[:, None])
    return torch.where(torch.zeros_like(chosen).scatter(1, ranked, chosen), far, 0)


def has_between(legal: Legal, space: Space, inputs: Tensor) -> bool:
    """Whether a value just off the middle of its range may stay there."""
    middle = space.inner(torch.full_like(inputs[:1], 0.37))
    return bool(((legal.project(middle) - middle).abs() < 0.01 * (space.high - space.low)).any())


def simplify(
    score: Callable[[Tensor], Tensor], inputs: Tensor, floor: Tensor, legal: Legal, space: Space, *, rounds: int
) -> Tensor:
    """Plainer legal inputs (B, *shape): as much as possible set to `Space.empty` while scores stay at `floor`, (B,).

    What is left is what the score needs. Each round takes away what the gradient says is least missed: a share of what
    is still there, or less where that was too much. Inputs that are below their floor from the start stay as they are.
    """
    best, batch = inputs.detach().clone(), len(inputs)
    empty = space.empty.expand(space.shape).flatten()
    kept = torch.zeros_like(best.flatten(1), dtype=torch.bool)  # what was tried to take away alone, and is needed
    size = torch.full((batch,), 0.5, device=inputs.device)
    for _ in range(rounds):
        leaf = best.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(score(leaf).sum(), [leaf])
        flat = best.flatten(1)
        there = (flat != empty) & ~kept
        left = there.sum(1)
        if not bool(left.any()):
            break
        missed = torch.where(there, gradient.flatten(1) * (flat - empty), torch.inf)
        ranked = missed.argsort(dim=1, stable=True)
        count = torch.minimum((size * left).ceil().long(), left)
        chosen = _only(torch.ones_like(flat), ranked, count * 0, count) > 0
        with torch.no_grad():
            candidate = legal.project(torch.where(chosen, empty, flat).view_as(best))
            # What a projection only moves elsewhere, such as a ball that must be somewhere, is not taken away.
            less = (candidate.flatten(1) - empty).abs().sum(1) < (flat - empty).abs().sum(1)
            fine = (score(candidate) >= floor) & less
        best = torch.where(fine.view(-1, *[1] * (best.dim() - 1)), candidate, best)
        kept |= chosen & (~fine & (count <= 1))[:, None]
        size = torch.where(fine, size, torch.where(count <= 1, size, size / 4))
    return best
