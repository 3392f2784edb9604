"""Names and numbers, as the HTML page and the Markdown tables both have them."""

from golfast.ablate.tables import COMPARISON, DIFFERENCE, Entry

FIGURE = {"metric": "", DIFFERENCE: "", COMPARISON: ""}  # figures that need no name beside their row's


def digits(entry: Entry) -> int:
    """Digits behind the point: steps have none."""
    return 2 if entry.readings else 0


def name(entry: Entry) -> str:
    """A row's name, with its figure where it has several."""
    figure = FIGURE.get(entry.figure, entry.figure)
    return f"{entry.row}: {figure}" if figure else entry.row


def number(value: float | None, places: int, *, sign: bool = False) -> str:
    """A number, or a dash."""
    if value is None:
        return "–"
    return f"{value:{'+' if sign else ''},.{places}f}"


def is_effect(entry: Entry) -> bool:
    """Whether it is a difference of rows and not a row."""
    return entry.figure in (DIFFERENCE, COMPARISON)


def ours(entry: Entry) -> str:
    """Our mean."""
    return number(entry.estimate.mean, digits(entry), sign=is_effect(entry))


def error(entry: Entry) -> str:
    """Its standard error."""
    return number(entry.estimate.error, digits(entry))


def interval(entry: Entry) -> str:
    """Its 95% interval."""
    low, high = entry.estimate.low, entry.estimate.high
    if low is None or high is None:
        return "–"
    sign = is_effect(entry)
    return f"{number(low, digits(entry), sign=sign)} to {number(high, digits(entry), sign=sign)}"


def paper(entry: Entry) -> str:
    """The paper's value."""
    return number(entry.paper, digits(entry), sign=is_effect(entry))


def runs(entry: Entry) -> str:
    """How many runs count, of how many that were tried, and how many failed."""
    failed = f", {entry.failed} failed" if entry.failed else ""
    return f"{entry.counted:,} of {entry.tried:,}{failed}"
