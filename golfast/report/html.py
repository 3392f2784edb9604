"""HTML that cannot be mixed up with text: whatever is put into a template is escaped, unless it is `Html` itself."""

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Html:
    """HTML. It is no string, so that neither a string is taken for it nor it for a string; only this file makes any."""

    text: str

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self.text)


Value = Html | str | float | None


def html(template: str, /, *values: Value, **named: Value) -> Html:
    """A template with values in its {}, which may say how numbers are written: html("<td>{:.2f}</td>", 3).

    template: a constant, never made of what is to be shown.
    """
    shown = {name: _Escaped(value) for name, value in named.items()}
    return Html(template.format(*map(_Escaped, values), **shown))


def joined(parts: Iterable[Value], between: str = "") -> Html:
    """Parts after each other; those that are text are escaped, and so is what stands between them."""
    return Html(escape(between).join(_Escaped(part).text for part in parts))


def packaged(name: str) -> Html:
    """A file of this package."""
    return Html((files("golfast.report") / name).read_text(encoding="utf-8"))


NOTHING = Html("")


class _Escaped:
    """A value as templates take it."""

    def __init__(self, value: Value) -> None:
        self._value = value

    @property
    def text(self) -> str:
        return self._value.text if isinstance(self._value, Html) else escape(str(self._value))

    def __format__(self, how: str) -> str:
        return escape(format(self._value, how)) if how else self.text
