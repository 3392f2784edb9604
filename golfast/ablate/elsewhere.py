"""Trials that another machine ran: the same question, answered by the engine that is fastest there.

A trial's name hashes its config as it ran, engine and all, for its last bits depend on the engine. What a row asks does
not, as long as its spec leaves the engine to the machine. So a results file can grow on one machine after another: a
seed that is answered is not asked again.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from golfast.ablate.jobs import State, Trial
from golfast.run.config import from_mapping, identity


class Elsewhere:
    """Finished trials by what was asked, whatever the machine chose."""

    def __init__(self, finished: Iterable[tuple[str, State, Mapping[str, Any]]] = ()) -> None:
        """finished: name, state and config (every field) of each, oldest first. Those that failed answer nothing."""
        self._finished = [(name, config) for name, state, config in finished if state is not State.FAILED]
        self._answers: dict[tuple[str, ...], dict[str, Trial]] = {}

    def find(self, config: Any, free: tuple[str, ...]) -> Trial | None:
        """The oldest trial whose config differs at most in the keys that are `free`, or None."""
        if not free:
            return None
        if free not in self._answers:
            # Of several the oldest, which is the last to be put in.
            self._answers[free] = {_question(trial.config, free): trial for trial in self._of(type(config))}
        return self._answers[free].get(_question(config, free))

    def _of(self, kind: type) -> Iterator[Trial]:
        """The trials with configs of this class, the oldest last."""
        for name, there in reversed(self._finished):
            with suppress(ValueError):  # of another kind, or of another version
                yield Trial(name, from_mapping(kind, there))


def _question(config: Any, free: tuple[str, ...]) -> str:
    return json.dumps({key: value for key, value in identity(config).items() if key not in free}, sort_keys=True)
