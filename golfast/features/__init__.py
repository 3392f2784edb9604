"""What a unit looks for: activation maximisation for any torch module and any kind of input, on torch alone."""

from golfast.features.activity import PERCENTILE, Activity, field_of_view, survey
from golfast.features.compare import EXAMPLES, compare
from golfast.features.concepts import Tuning, activation_maps, correlations, tuning
from golfast.features.layers import Layer, Probe
from golfast.features.legal import Boards, Box, Legal, Planes
from golfast.features.looks import (
    BoardLook,
    ColourLook,
    FramesLook,
    Look,
    NumbersLook,
    PlanesLook,
    View,
    plain_look,
    view_of,
)
from golfast.features.objectives import (
    Objective,
    channel,
    direction,
    diversity,
    logit,
    neuron,
    value,
    whole_layer,
)
from golfast.features.optimise import OptimiseConfig, Optimised, maximise
from golfast.features.parametrise import PARAMETRISATIONS, Parametrisation, Space, parametrise
from golfast.features.refine import refine, simplify
from golfast.features.sheet import draw_sheet
from golfast.features.shortcut import picture
from golfast.features.study import Study, World, study, study_steps
from golfast.features.transform import Jolt

__all__ = [
    "EXAMPLES",
    "PARAMETRISATIONS",
    "PERCENTILE",
    "Activity",
    "BoardLook",
    "Boards",
    "Box",
    "ColourLook",
    "FramesLook",
    "Jolt",
    "Layer",
    "Legal",
    "Look",
    "NumbersLook",
    "Objective",
    "OptimiseConfig",
    "Optimised",
    "Parametrisation",
    "Planes",
    "PlanesLook",
    "Probe",
    "Space",
    "Study",
    "Tuning",
    "View",
    "World",
    "activation_maps",
    "channel",
    "compare",
    "correlations",
    "direction",
    "diversity",
    "draw_sheet",
    "field_of_view",
    "logit",
    "maximise",
    "neuron",
    "parametrise",
    "picture",
    "plain_look",
    "refine",
    "simplify",
    "study",
    "study_steps",
    "survey",
    "tuning",
    "value",
    "view_of",
    "whole_layer",
]
