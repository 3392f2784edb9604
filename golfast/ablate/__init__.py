"""Many runs: trials, sweeps of them on any executor, and the results file.

The names below are loaded when they are used: a worker whose trials need no torch loads none.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from golfast.ablate.stages import Stages, load_stages
    from golfast.ablate.trial import (
        accuracy_words,
        default_folder,
        evaluate_trial,
        held_out_cells,
        load_config,
        load_trial,
        run_trial,
    )

__all__ = [
    "Stages",
    "accuracy_words",
    "default_folder",
    "evaluate_trial",
    "held_out_cells",
    "load_config",
    "load_stages",
    "load_trial",
    "run_trial",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from golfast.ablate import stages, trial

    return getattr(stages if name in ("Stages", "load_stages") else trial, name)
