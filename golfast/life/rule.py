"""Rules of the world, written B<births>/S<survivals>."""

import re
from dataclasses import dataclass
from functools import lru_cache

from golfast.life.boards import shown

# Names that people say, and what they mean (https://conwaylife.com/wiki/List_of_Life-like_rules).
NAMED_RULES = {
    "life": "B3/S23",
    "highlife": "B36/S23",
    "daynight": "B3678/S34678",
    "seeds": "B2/S",
    "lifewithoutdeath": "B3/S012345678",
    "replicator": "B1357/S1357",
    "2x2": "B36/S125",
}

_BIRTH_FIRST = re.compile(r"b([0-8]*)/?s([0-8]*)", re.ASCII)
_SURVIVAL_FIRST = re.compile(r"s([0-8]*)/?b([0-8]*)", re.ASCII)
_SURVIVAL_FIRST_DIGITS = re.compile(r"([0-8]*)/([0-8]*)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Rule:
    """When a cell is born and when it survives, by its number of live neighbours (0 to 8).

    `birth` and `survival` are bit masks: bit n says whether n live neighbours bring a dead cell to life, or keep a live
    one alive. With B0 a dead cell without live neighbours is born; on the bounded boards of golfast that is meant
    literally: every cell of the board, while the cells beyond a dead border stay dead.
    """

    birth: int
    survival: int

    def __post_init__(self) -> None:
        for name, mask in (("birth", self.birth), ("survival", self.survival)):
            if not 0 <= mask < 512:
                raise ValueError(f"{name} mask {mask} is out of range: it has one bit for each of 0..8 neighbours")

    @classmethod
    def parse(cls, text: "str | Rule") -> "Rule":
        """Read "B3/S23" (any case, slash optional), the older survival-first "23/3", or a name such as "highlife".

        Raises ValueError with the forms allowed when the text is none of them.
        """
        if isinstance(text, Rule):
            return text
        if not isinstance(text, str):
            raise ValueError(f"a rule is a string such as 'B3/S23'; got {shown(text)}")
        return _parsed(text)

    def __str__(self) -> str:
        return f"B{_digits(self.birth)}/S{_digits(self.survival)}"


@lru_cache(maxsize=256)
def _parsed(text: str) -> Rule:
    plain = "".join(text.split()).lower()
    key = plain.replace("-", "").replace("_", "").replace("&", "")
    plain = NAMED_RULES.get(key, plain).lower()
    if found := _BIRTH_FIRST.fullmatch(plain):
        birth, survival = found.groups()
    elif found := _SURVIVAL_FIRST.fullmatch(plain) or _SURVIVAL_FIRST_DIGITS.fullmatch(plain):
        survival, birth = found.groups()
    else:
        names = ", ".join(NAMED_RULES)
        raise ValueError(f"rule {text!r} is not of the form 'B3/S23' (digits 0-8), nor one of: {names}")
    return Rule(birth=_mask(birth), survival=_mask(survival))


def _mask(digits: str) -> int:
    return sum(1 << n for n in {int(d) for d in digits})


def _digits(mask: int) -> str:
    return "".join(str(n) for n in range(9) if mask >> n & 1)
