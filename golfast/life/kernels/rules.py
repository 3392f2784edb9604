"""A rule as logic: from the sums of three rows to the next state of the middle one, a bit per cell.

Of every row the sideways sum west + cell + east is taken once: s is its low bit, m its high bit. With three rows above
each other, the sum of all nine cells is T = xor3(s) + 2 * (majority(s) + the three m). A rule is a function of T and of
the cell itself (a live cell counts itself, so it has T - 1 neighbours).
"""

from typing import Any

from golfast.jit import inlined
from golfast.life.rule import Rule
from golfast.vector import MAJORITY, SELECT, XOR3, both, ternary

_LIFE = Rule.parse("B3/S23")

# Of the values cell, xor3(s), p, a and q of `tables`, and of what came before, three at a time and their truth table;
# the last is the next state. The fewest operations there are from these five values, found by a SAT solver.
CIRCUITS: dict[Rule, tuple[tuple[int, int, int, int], ...]] = {
    Rule.parse("highlife"): ((0, 1, 2, 0xCF), (0, 1, 2, 0x13), (2, 3, 5, 0x96), (4, 6, 7, 0x41)),
    Rule.parse("daynight"): ((0, 2, 3, XOR3), (1, 2, 3, MAJORITY), (4, 5, 6, MAJORITY)),
    Rule.parse("seeds"): ((2, 3, 4, 0x14), (0, 1, 5, 0x02)),
    Rule.parse("lifewithoutdeath"): ((2, 3, 4, 0x94), (0, 1, 5, 0xF8)),
    Rule.parse("replicator"): ((0, 1, 2, 0x3C),),
    Rule.parse("2x2"): ((0, 1, 4, 0x89), (2, 3, 5, 0x14)),
}


def tables(rule: Rule) -> tuple[int, int, int, int]:
    """Truth tables of (p, a, q), for `ternary`, one for each (odd, cell) in the order 00, 01, 10, 11.

    With odd = xor3(s), a = majority(s), p = xor3(m) and q = majority(m), T = odd + 2 * (p + a) + 4 * q.
    """

    def table(odd: int, cell: int) -> int:
        bits = 0
        for index in range(8):
            p, a, q = index >> 2, index >> 1 & 1, index & 1
            neighbours = odd + 2 * (p + a) + 4 * q - cell
            if 0 <= neighbours <= 8 and (rule.survival if cell else rule.birth) >> neighbours & 1:
                bits |= 1 << index
        return bits

    return table(0, 0), table(0, 1), table(1, 0), table(1, 1)


def compile_rule(rule: Rule) -> Any:
    """An inlined function next(cell, s0, s1, s2, m0, m1, m2) of vectors: rows above, here and below.

    Life costs six three-input operations, the other rules that have a name at most eight, any rule at most eleven.
    """
    if rule == _LIFE:
        return _next_life
    if rule in CIRCUITS:
        return _compile_circuit(CIRCUITS[rule])
    t00, t01, t10, t11 = tables(rule)
    even, odd = _compile_choice(t00, t01), _compile_choice(t10, t11)

    @inlined
    def next_any(cell: Any, s0: Any, s1: Any, s2: Any, m0: Any, m1: Any, m2: Any) -> Any:
        a = ternary(MAJORITY, s0, s1, s2)
        p, q = ternary(XOR3, m0, m1, m2), ternary(MAJORITY, m0, m1, m2)
        return ternary(SELECT, ternary(XOR3, s0, s1, s2), odd(cell, p, a, q), even(cell, p, a, q))

    return next_any


def _compile_circuit(circuit: tuple[tuple[int, int, int, int], ...]) -> Any:
    @inlined
    def begin(cell: Any, s0: Any, s1: Any, s2: Any, m0: Any, m1: Any, m2: Any) -> Any:
        p, q = ternary(XOR3, m0, m1, m2), ternary(MAJORITY, m0, m1, m2)
        return cell, ternary(XOR3, s0, s1, s2), p, ternary(MAJORITY, s0, s1, s2), q

    values = begin
    for operation in circuit:
        values = _compile_operation(values, *operation)

    @inlined
    def last(cell: Any, s0: Any, s1: Any, s2: Any, m0: Any, m1: Any, m2: Any) -> Any:
        return values(cell, s0, s1, s2, m0, m1, m2)[-1]

    return last


def _compile_operation(before: Any, i: int, j: int, k: int, table: int) -> Any:
    @inlined
    def more(cell: Any, s0: Any, s1: Any, s2: Any, m0: Any, m1: Any, m2: Any) -> Any:
        values = before(cell, s0, s1, s2, m0, m1, m2)
        return (*values, ternary(table, values[i], values[j], values[k]))

    return more


def _compile_choice(dead: int, alive: int) -> Any:
    """By the cell, one of two truth tables; most rules' tables are equal or empty somewhere, and save an operation."""

    @inlined
    def same(cell: Any, p: Any, a: Any, q: Any) -> Any:
        return ternary(dead, p, a, q)

    @inlined
    def only_alive(cell: Any, p: Any, a: Any, q: Any) -> Any:
        return both(cell, ternary(alive, p, a, q))

    @inlined
    def choose(cell: Any, p: Any, a: Any, q: Any) -> Any:
        return ternary(SELECT, cell, ternary(alive, p, a, q), ternary(dead, p, a, q))

    return same if dead == alive else only_alive if dead == 0 else choose


@inlined
def _next_life(cell: Any, s0: Any, s1: Any, s2: Any, m0: Any, m1: Any, m2: Any) -> Any:
    """Six operations, found by a SAT solver's exhaustive search over circuits of three-input gates.

    A row's own sum and its cell cannot contradict each other; what the circuit does where they would was left free.
    """
    odd = ternary(XOR3, s0, s1, s2)
    equal = ternary(0x81, s0, s1, s2)
    x = ternary(MAJORITY, m0, m2, odd)
    y = ternary(0xBC, m1, equal, x)
    z = ternary(0x16, m0, m2, y)
    return ternary(0xA8, cell, odd, z)
