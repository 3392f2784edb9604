"""Variants of a training beside each other, over seeds."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from golfast.rl.config import AgentConfig
from golfast.rl.evaluate import EPISODES, interval
from golfast.rl.trial import default_folder, run_agent
from golfast.run.config import override
from golfast.run.progress import Display


def compare(
    config: AgentConfig,
    variants: Mapping[str, Mapping[str, Any]],
    *,
    seeds: Sequence[int],
    root: Path = Path("runs"),
    device: str = "auto",
    episodes: int = EPISODES,
    display: Display | None = None,
) -> list[dict[str, Any]]:
    """Train every variant with every seed, and summarise each variant.

    variants: a name, and what it changes in `config`, such as {"PPO": {"algorithm": "ppo"}}. Each run has a folder
    named by its config in `root`, so what is finished is not run again, and what was killed goes on. Returns a row per
    variant: means over seeds of the greedy and the sampled evaluations with their 95% intervals, and the rate.
    ValueError for a key that does not exist, before anything is run.
    """
    display = display or Display(quiet=True)
    if not seeds:
        raise ValueError("there are no seeds to compare over; give at least one")
    configs = {name: override(config, changes) for name, changes in variants.items()}
    rows = []
    for name, variant in configs.items():
        results = []
        for seed in seeds:
            one = dataclasses.replace(variant, seed=seed)
            folder = default_folder(one, device, root)
            display.say(f"{name}, seed {seed}: {folder.path}")
            results.append(
                run_agent(one, folder, device=device, resume=True, episodes=episodes, pictures=False, display=display)
            )
        rows.append(
            {
                "variant": name,
                "changes": dict(variants[name]),
                "seeds": list(seeds),
                "greedy": interval([result["greedy"]["mean"] for result in results]),
                "sampled": interval([result["sampled"]["mean"] for result in results]),
                "greedy_means": [result["greedy"]["mean"] for result in results],
                "sampled_means": [result["sampled"]["mean"] for result in results],
                "steps": results[0]["steps"],
                "seconds_training": [result["seconds_training"] for result in results],
                "steps_per_second": interval([result["steps_per_second"] for result in results])["mean"],
            }
        )
    return rows
