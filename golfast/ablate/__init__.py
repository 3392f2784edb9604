"""Many runs: the trial, one run of one variant with one seed."""

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
    "accuracy_words",
    "default_folder",
    "evaluate_trial",
    "held_out_cells",
    "load_config",
    "load_trial",
    "run_trial",
]
