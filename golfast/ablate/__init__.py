"""Many runs: trials, sweeps of them on any executor, and the results file.

The names below are loaded when they are used: a worker whose trials need no torch loads none.
"""

from typing import TYPE_CHECKING

from golfast.run.lazy import lazily

if TYPE_CHECKING:
    from golfast.ablate.named import default_folder
    from golfast.ablate.stages import Stages, load_stages
    from golfast.ablate.trial import (
        accuracy_words,
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


_WHERE = {
    **dict.fromkeys(__all__, "trial"),
    "Stages": "stages",
    "default_folder": "named",
    "load_stages": "stages",
}
__getattr__ = lazily(__name__, _WHERE)
