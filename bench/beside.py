"""Our time beside the peers' and the machine's limits, taken in turns so that all see the same weather.

A busy machine is fast in one second and slow in the next. So a round measures every peer and every limit once, then
us; a ratio is one of medians over the rounds.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from golfast.threads import thread_count

ROUNDS = 9


@dataclass(frozen=True, slots=True)
class Side:
    """Somebody who does the work: `run` does `work` units of it. `before` is called before, and not timed."""

    name: str
    run: Callable[[], object]
    work: float
    before: Callable[[], object] = lambda: None


@dataclass(frozen=True, slots=True)
class Limit:
    """A bound: `run` does `work` operations as fast as this machine can; a unit of the work needs `needed` of them.

    `before` is called before, and not timed.
    """

    name: str
    run: Callable[[], object]
    work: float
    needed: float
    before: Callable[[], object] = lambda: None


def compare(
    benchmark: Any,
    what: str,
    ours: Side,
    peers: Sequence[Side],
    *,
    unit: str,
    limits: Sequence[Limit] = (),
    targets: Mapping[str, float] | None = None,
    rounds: int = ROUNDS,
    **also: object,
) -> None:
    """Measure, and leave the record in `benchmark.extra_info`.

    `peer` is the fastest of the peers. A slow peer may do less work than we; `peer_work` says how many units each did,
    and ours is `work`. `limit` is the bound that leaves least room, if any was given. `also` is kept as it is.

    targets: the least that is aimed at: the ratio to a peer (by how its name begins) or to the "best peer", or the
    share of the "limit", or our "rate" itself. They are kept with what they are about, what was found, and whether that
    is enough.
    """
    others: list[Side | Limit] = [*peers, *limits]
    times: dict[str, list[float]] = {side.name: [] for side in [ours, *others]}
    assert len(times) == 1 + len(others), "names must differ"

    def timed(side: Side | Limit) -> None:
        began = time.perf_counter()
        side.run()
        times[side.name].append(time.perf_counter() - began)

    def others_first() -> None:
        for side in others:
            side.before()
            timed(side)
        ours.before()

    benchmark.pedantic(lambda: timed(ours), setup=others_first, rounds=rounds, warmup_rounds=1)
    rates = {side.name: side.work / median(times[side.name][1:] or times[side.name]) for side in [ours, *others]}
    rate = rates[ours.name]
    best = max(peers, key=lambda peer: rates[peer.name])
    shares = {limit.name: rate * limit.needed / rates[limit.name] for limit in limits}
    tightest = max(shares, key=lambda name: shares[name]) if shares else None
    benchmark.extra_info.update(
        what=what,
        rate=rate,
        unit=unit,
        peer=best.name,
        ratio_to_peer=rate / rates[best.name],
        fraction_of_limit=shares[tightest] if tightest else None,
        limit=tightest,
        limits=shares,
        peers={peer.name: rate / rates[peer.name] for peer in peers},
        work=ours.work,
        peer_work={peer.name: peer.work for peer in peers},
        targets=_met(targets or {}, rate, best.name, {peer.name: rate / rates[peer.name] for peer in peers}, shares),
        threads=thread_count(),
        rounds=rounds,
        **also,
    )


def _met(
    targets: Mapping[str, float], rate: float, best: str, ratios: Mapping[str, float], shares: Mapping[str, float]
) -> list[dict[str, object]]:
    """What became of the targets; one about a peer that is missing is left out."""
    result = []
    for about, least in targets.items():
        if about == "rate":
            found = {"rate": rate}
        elif about == "limit":
            found = {name: share for name, share in shares.items() if share == max(shares.values())}
        else:
            found = {name: ratio for name, ratio in ratios.items() if name == best or about != "best peer"}
            if about != "best peer":
                found = {name: ratio for name, ratio in found.items() if name.startswith(about)}
        result += [
            {"beside": name, "at_least": least, "found": value, "met": value >= least} for name, value in found.items()
        ]
    return result


def seconds(call: Callable[[], object], calls: int) -> float:
    """Mean time of a call, after a first that does not count."""
    call()
    began = time.perf_counter()
    for _ in range(calls):
        call()
    return (time.perf_counter() - began) / calls
