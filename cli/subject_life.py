"""A network trained on Life as a subject of feature visualisation, and the question whether its units know the rule."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from .subjects import Subject, check_examples

_MAPPED = 500  # boards, of 400 cells each, that correlations are taken over
_SOUGHT = ("3 live neighbours", "live neighbours", "birth", "alive next", "alive")
_SIDE = 130


def load_life_subject(run: Path, examples: int) -> Subject:
    """The network of a run of `golfast train`; its real inputs are first states of held-out sequences."""
    from golfast.ablate import load_trial
    from golfast.ablate.trial import held_out_cells
    from golfast.features import BoardLook, Boards, Probe, Space, World
    from golfast.model import Network
    from golfast.train.optimise import seeded_network

    config, network, _ = load_trial(run, "cpu")
    check_examples(examples, (1, config.data.height, config.data.width))
    untrained = seeded_network(Network, config.model, seed=config.seed)
    cells = torch.from_numpy(held_out_cells(config, examples)[:, 0]).unsqueeze(1)
    space = Space(tuple(cells.shape[1:]), torch.tensor(0.0), torch.tensor(1.0))
    stack = "cores.0.stack"
    use = "@1" if config.model.shared_core and config.model.timesteps > 1 else ""
    layers = [f"{stack}.layers.{k}{use}" for k in range(config.model.core_layers - 1)]
    return Subject(
        name=run.name,
        probe=Probe(network, run=network.imagine),
        untrained=Probe(untrained, run=untrained.imagine),
        world=World(space, Boards(), cells),
        look=BoardLook(),
        shown=("encoder", *layers, f"{stack}{use}"),
        real="first states of held-out sequences",
        findings=lambda subject, out, display: _findings(subject, config, out, display),
    )


def _findings(subject: Subject, config: Any, out: Path, display: Any) -> dict[str, Any]:
    """Which units go with what there is to see around their cell; a picture of the closest of each kind."""
    from golfast.features import activation_maps, correlations, study, survey, tuning, view_of
    from golfast.features.tuning import TuningCard, best_match, draw_tunings
    from golfast.life import Rule
    from golfast.life.concepts import concepts
    from golfast.run.pictures import write_png

    recipe, probe, world = config.data, subject.probe, subject.world
    boards = world.examples[:_MAPPED]
    cells = boards[:, 0].numpy()
    maps = concepts(cells, Rule.parse(recipe.rule), recipe.boundary)
    names = list(maps)
    layers = probe.layers(boards[:2].float())
    found: dict[str, Any] = {}
    closest: dict[str, tuple[float, str, int]] = dict.fromkeys(names, (0.0, "", 0))
    activations = {}
    for address in subject.shown:
        activations[address] = activation_maps(probe, layers[address], boards)
        matrix = correlations(activations[address], maps)
        found[address] = {}
        for k, name in enumerate(names):
            unit, value = best_match(matrix, k)
            found[address][name] = {"unit": unit, "correlation": round(value, 4)}
            if abs(value) > abs(closest[name][0]):
                closest[name] = (value, address, unit)
    cards = []
    count, alive = maps["live neighbours"], maps["alive"]
    sought: dict[tuple[str, int], list[str]] = {}
    for name in _SOUGHT:
        value, address, unit = closest[name]
        sought.setdefault((address, unit), []).append(f'{value:+.3f} with "{name}"')
    for (address, unit), matches in sought.items():
        activity = survey(probe, [layers[address]], world.examples)[address]
        studied = study(probe, activity, world, units=[unit])
        view = view_of(studied.matters, world.space.shape, activity.at)
        pictures = [
            ("most exciting", subject.look.draw(studied.best[0], side=_SIDE, view=view)),
            ("only what is needed", subject.look.draw(studied.plain[0], side=_SIDE, view=view)),
            *(
                (f"real board {int(i)}", subject.look.draw(world.examples[int(i)].float(), side=_SIDE, view=view))
                for i in activity.strongest(2)[unit]
            ),
        ]
        around = activations[address]
        both = [
            ("cell dead", tuning(*_where(around, unit, count, ~alive.astype(bool)))),
            ("cell alive", tuning(*_where(around, unit, count, alive.astype(bool)))),
        ]
        words = f"correlation {' and '.join(matches)}, over {cells.size:,} cells of {len(cells)} real boards"
        cards.append(TuningCard(f"unit {unit} of {address}", words, 0, pictures, both))
    title = f"What the units of {subject.name} know of {recipe.rule}: the one that comes closest to each concept"
    text = (
        "Curves: the unit's mean activation by the live neighbours of its cell (bars: one standard deviation). "
        "Boards: the legal input that excites it most; the same with all taken away that is not needed to reach the "
        "99.9th percentile of real boards; the real boards that excite it most. The orange frame is the unit's cell; "
        "what is tinted cannot change it. Nobody told the network about neighbours: it was trained to predict boards."
    )
    write_png(
        draw_tunings(cards, title=title, text=text, quantity="live neighbours of the unit's cell"), out / "concepts.png"
    )
    display.say(f"concepts: {out / 'concepts.png'}")
    return {
        "boards": len(cells),
        "closest": {
            name: {"layer": address, "unit": unit, "correlation": round(value, 4)}
            for name, (value, address, unit) in closest.items()
            if address
        },
        "closest_by_layer": found,
        "picture": str(out / "concepts.png"),
    }


def _where(activations: Any, unit: int, quantity: Any, there: Any) -> tuple[Any, Any]:
    """One unit's activations, and the quantity, in the places where something is so: (n, 1, 1, 1) and (n, 1, 1)."""
    return activations[:, unit][there][:, None, None, None], np.asarray(quantity)[there][:, None, None]
