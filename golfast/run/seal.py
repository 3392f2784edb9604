"""The seal of a run: digests in its result.json, of that and of the files beside it. A changed bit in one is told.

Runs of before there were seals have none, and are taken as they are.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from golfast.errors import Failure

KEY = "seal"
_SELF = "result.json"


def sealed(result: Mapping[str, Any], files: Mapping[str, bytes]) -> dict[str, Any]:
    """A result with the digests of itself and of these files, by their names."""
    found = {name: digest_of(content) for name, content in files.items()}
    return {**result, KEY: {**found, _SELF: digest_of(_canonical({**result, KEY: found}))}}


def unsealed(result: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """A result as it was, and the digests of the files beside it; none of a run without a seal.

    Failure, without the file's name, if the result is not the one that was sealed.
    """
    rest = {name: value for name, value in result.items() if name != KEY}
    seal = result.get(KEY)
    if seal is None and not any(isinstance(value, dict) and _SELF in value for value in rest.values()):
        return rest, {}
    others = {name: digest for name, digest in seal.items() if name != _SELF} if isinstance(seal, dict) else {}
    if not isinstance(seal, dict) or seal.get(_SELF) != digest_of(_canonical({**rest, KEY: others})):
        raise Failure("it is not what the run left, its digest says")
    return rest, others


def check_sealed(name: str, content: bytes, digests: Mapping[str, str]) -> None:
    """Failure, without the file's name, if a file's content is not the one that was sealed."""
    if name in digests and digests[name] != digest_of(content):
        raise Failure("it is not what the run left, its digest in result.json says")


def _canonical(result: Mapping[str, Any]) -> bytes:
    return json.dumps(result, sort_keys=True, separators=(",", ":")).encode()


def digest_of(content: bytes) -> str:
    """SHA-256, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()
