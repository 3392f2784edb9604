"""Configuration: frozen dataclasses, their TOML, and names that must be right.

A config class checks its own values in `__post_init__`. This file does what they share: values of the right types,
dotted overrides, unknown keys answered with the nearest known one, and the hash that names a run.
"""

import dataclasses
import difflib
import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any, TypeVar, get_origin, get_type_hints

import tomli_w

from golfast.errors import shown
from golfast.run.untrusted import parse_toml
from golfast.run.untrusted import read_toml as read_toml

Config = TypeVar("Config")

_LONGEST = 4096
"""Characters of a string in a config: paths are the longest."""


def from_mapping(kind: type[Config], mapping: Mapping[str, Any], *, within: str = "") -> Config:
    """Build a config of class `kind` from nested mappings; keys left out keep their defaults.

    Raises ValueError for a key that does not exist (naming the nearest one that does) and for a value of another type.
    """
    types = get_type_hints(kind)
    values: dict[str, Any] = {}
    for key, value in mapping.items():
        name = f"{within}{key}"
        if key not in types:
            raise ValueError(unknown_key(name, [f"{within}{known}" for known in types]))
        values[key] = _convert(types[key], value, name)
    return kind(**values)


def to_mapping(config: Any) -> dict[str, Any]:
    """A config as nested plain dictionaries, every field included."""
    return dataclasses.asdict(config)


def identity(config: Any) -> dict[str, Any]:
    """As `to_mapping`, without fields that came later ("later" in their metadata) and have their default.

    So what ran before there was such a field keeps its name.
    """
    found = {}
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        default = field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
        if not (field.metadata.get("later") and value == default):
            found[field.name] = identity(value) if dataclasses.is_dataclass(value) else value
    return found


def override(config: Config, changes: Mapping[str, Any]) -> Config:
    """`config` with dotted keys changed, such as {"model.channels": 32}; checked like any other config.

    A field that is a dictionary takes any keys: {"environment.kwargs.map_name": "8x8"}.
    """
    mapping = to_mapping(config)
    for dotted, value in changes.items():
        *tables, key = dotted.split(".")
        table: dict[str, Any] = mapping
        here: Any = config
        for name in tables:
            if isinstance(here, dict):
                inner = table.setdefault(name, {})
            else:
                inner, here = table.get(name), getattr(here, name, None)
            if not isinstance(inner, dict):
                raise ValueError(unknown_key(dotted, list(flatten(to_mapping(config)))))
            table = inner
        if not isinstance(here, dict) and (key not in table or dataclasses.is_dataclass(getattr(here, key, None))):
            raise ValueError(unknown_key(dotted, list(flatten(to_mapping(config)))))
        table[key] = value
    return from_mapping(type(config), mapping)


def parse_assignment(text: str) -> tuple[str, Any]:
    """Read "model.channels=32" as (key, value).

    The value is TOML, or what Python and people write otherwise, True, .5 and 5.; else a bare word, a string.
    """
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise ValueError(f"{shown(text)} is not of the form key=value, such as model.channels=32")
    try:
        parsed = parse_toml(f"value = {value}")["value"]
    except ValueError:
        parsed = _plain(value.strip())
    return key.strip(), parsed


_NUMBER = re.compile(r"[+-]?([0-9]+\.[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?", re.IGNORECASE)


def _plain(word: str) -> Any:
    """A word that is no TOML as what it plainly is: true or false, a number, or itself."""
    if word.lower() in ("true", "false"):
        return word.lower() == "true"
    if len(word) < 64 and _NUMBER.fullmatch(word):
        return float(word)
    return word


def to_toml(config: Any) -> str:
    """A config as TOML text with every field resolved, without tables that are empty."""
    return tomli_w.dumps(_told(config))


def _told(config: Any) -> dict[str, Any]:
    """As `to_mapping`, without fields that are tables of any keys and have none: such a field came later."""
    pairs = {field.name: getattr(config, field.name) for field in dataclasses.fields(config)}
    return {
        name: _told(value) if dataclasses.is_dataclass(value) else value for name, value in pairs.items() if value != {}
    }


def fingerprint(config: Any) -> str:
    """12 hexadecimal digits that name a config: equal fields, equal name, on any machine."""
    canonical = json.dumps(identity(config), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:12]


def difference(config: Any, other: Any) -> list[str]:
    """The dotted keys in which two configs of one class differ, with both values."""
    ours, theirs = flatten(to_mapping(config)), flatten(to_mapping(other))
    pairs = {key: (ours.get(key, "none"), theirs.get(key, "none")) for key in ours | theirs}
    return [f"{key} ({one} against {other})" for key, (one, other) in pairs.items() if one != other]


def flatten(mapping: Mapping[str, Any], *, within: str = "") -> dict[str, Any]:
    """Nested mappings as one, with dotted keys."""
    flat: dict[str, Any] = {}
    for key, value in mapping.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, within=f"{within}{key}.")
        else:
            flat[f"{within}{key}"] = value
    return flat


def unknown_key(key: str, known: list[str]) -> str:
    """The sentence for a key that does not exist."""
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
    leaf = difflib.get_close_matches(key.rpartition(".")[2], [name.rpartition(".")[2] for name in known], n=1)
    if not near and leaf:
        near = [name for name in known if name.rpartition(".")[2] == leaf[0]]
    meant = f"did you mean {near[0]!r}?" if near else f"known are: {', '.join(known)}"
    return f"there is no config key {shown(key)}; {meant}"


_WORDS = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "a string",
    list: "a list",
    dict: "a table",
}


def _convert(kind: Any, value: Any, name: str) -> Any:
    if dataclasses.is_dataclass(kind):
        if not isinstance(value, Mapping):
            raise ValueError(f"config key {name!r} is a table; got {shown(value)}")
        return from_mapping(kind, value, within=f"{name}.")  # type: ignore[arg-type]
    if type(value) is int and not -(2**63) <= value < 2**64:
        raise ValueError(f"config key {name!r} takes numbers of at most 64 bits; got {shown(value)}")
    if kind is float and type(value) is int:
        return float(value)
    if kind is int and type(value) is float and value.is_integer() and abs(value) < 2**53:
        return int(value)  # TOML has 1e3 for a floating number
    kind = get_origin(kind) or kind
    if type(value) is not kind:
        raise ValueError(f"config key {name!r} takes {_WORDS[kind]}; got {shown(value)}")
    if kind is str and len(value) > _LONGEST:
        raise ValueError(f"config key {name!r} takes a string of at most {_LONGEST:,} characters; got {len(value):,}")
    return value
