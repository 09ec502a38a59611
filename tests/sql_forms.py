"""The SQL that both engines take: every statement that a test runs is held against it.

SQLite runs the statements here; PostgreSQL is to run the same texts. The table of `docs/architecture.md`, "One SQL text
for two engines", says what is refused and what to write instead. Statements about the connection or the schema are
exempt.
"""

import functools
import re
from collections.abc import Iterator

import sqlglot
from sqlglot import exp

_STRINGS = re.compile(r"'(?:[^']|'')*'")
_EXEMPT = re.compile(
    r"\s*(PRAGMA|BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE|CREATE|ALTER|DROP|VACUUM|EXPLAIN|ATTACH|DETACH)\b",
    re.IGNORECASE,
)
_WORDS = {
    r"\bREPLACE\s+INTO\b|\bOR\s+(ABORT|FAIL|IGNORE|REPLACE|ROLLBACK)\b": "ON CONFLICT (key) DO NOTHING, DO UPDATE",
    r"\b(_rowid_|rowid|oid|last_insert_rowid|(total_)?changes)\b(?!\s*\.)": "RETURNING",
    r"\bjson\w*\s*\(|->>?": "JSON read in Python",
    r"\b(NOT\s+INDEXED|INDEXED\s+BY)\b": "an index that the planner picks",
    r"\b(group_concat|ifnull|iif|total|printf|instr|typeof|quote|hex|glob|char|unicode|zeroblob|randomblob)\s*\(": (
        "coalesce, CASE, or Python"
    ),
    r"\b(date|time|datetime|julianday|strftime|unixepoch|timediff)\s*\(": "the clock of the library",
    r"\bCURRENT_(DATE|TIME|TIMESTAMP)\b": "the clock of the library",
    r"==|\bGLOB\b|\bREGEXP\b|\bMATCH\b|\bISNULL\b|\bNOTNULL\b": "=, LIKE, IS NULL",
    r"\bIS\s+(NOT\s+)?(?!NULL\b|NOT\b|DISTINCT\b)": "IS NOT DISTINCT FROM",
    r"\?": "named parameters",
    r";\s*\S": "one statement in one call",
}
_PATTERNS = [(re.compile(pattern, re.IGNORECASE), instead) for pattern, instead in _WORDS.items()]
_COMPARISONS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Is, exp.In, exp.Like, exp.Between, exp.Exists)
_COMPARISONS += (exp.NullSafeEQ, exp.NullSafeNEQ, exp.And, exp.Or, exp.Not)
_PREDICATES_STAND_IN = (exp.Where, exp.Having, exp.Join, exp.And, exp.Or, exp.Not, exp.Escape)
_ASSIGNMENTS_STAND_IN = (exp.Update, exp.OnConflict)


class OneEngineOnly(AssertionError):
    """A statement would not run, or not mean the same, on the second engine."""


@functools.cache
def refuse_what_one_engine_alone_takes(sql: str) -> bool:
    """Return True for a statement of the common subset.

    Raises:
        OneEngineOnly: the statement has a form that only one of the engines takes.
    """
    if _EXEMPT.match(sql):
        return True
    bare = _STRINGS.sub("''", sql)
    for pattern, instead in _PATTERNS:
        if found := pattern.search(bare):
            raise OneEngineOnly(f"not {found[0]!r} but {instead}:\n{sql}")
    for node in sqlglot.parse_one(sql, read="sqlite").walk():
        for problem, instead in _problems(node):
            raise OneEngineOnly(f"not {problem} but {instead}, in {node.sql()}:\n{sql}")
    return True


def _problems(node: exp.Expression) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with one node of a statement, and what to write instead."""
    match node:
        case exp.Is() if isinstance(node.this, exp.Placeholder):
            yield "a parameter beside NULL", "a clause built in Python"
        case exp.In() if not (node.expressions or node.args.get("query")):
            yield "an empty IN", "1 = 0"
        case exp.Max() | exp.Min() | exp.Greatest() | exp.Least() if node.expressions:
            yield "max or min of several values", "CASE"
        case exp.Boolean():
            yield "a boolean", "an integer"
        case exp.Like() if not (isinstance(node.this, exp.Lower) and isinstance(node.expression, exp.Lower)):
            yield "LIKE", "lower(x) LIKE lower(:q)"
        case exp.OnConflict() if any(not column.table for value in _assigned(node) for column in _columns(value)):
            yield "a bare column in DO UPDATE", "table.column"
        case exp.CTE() if any(isinstance(one.unalias(), exp.Placeholder) for one in _first_row(node)):
            yield "an untyped parameter at the start of a CTE", "CAST(:id AS BIGINT)"
        case exp.Select() if _bare_columns(node):
            yield "a bare column beside an aggregate", "a column of GROUP BY, or an aggregate of it"
    if isinstance(node, _COMPARISONS) and not _is_a_condition(node):
        yield "a comparison as a value", "CASE WHEN, COUNT(*) FILTER"


def _is_a_condition(node: exp.Expression) -> bool:
    child, parent = node, node.parent
    while isinstance(parent, exp.Paren):
        child, parent = parent, parent.parent
    if isinstance(parent, _PREDICATES_STAND_IN):
        return True
    if isinstance(parent, exp.If):
        return parent.this is child
    return isinstance(parent, _ASSIGNMENTS_STAND_IN) and isinstance(node, exp.EQ) and child is node


def _assigned(conflict: exp.Expression) -> list[exp.Expression]:
    return [one.expression for one in conflict.expressions if isinstance(one, exp.EQ)]


def _columns(value: exp.Expression) -> list[exp.Column]:
    return list(value.find_all(exp.Column))


def _first_row(cte: exp.Expression) -> list[exp.Expression]:
    body = cte.this
    while isinstance(body, exp.SetOperation):
        body = body.this
    return list(body.expressions) if isinstance(body, exp.Select) else []


def _bare_columns(select: exp.Select) -> list[str]:
    """Return the columns that stand beside an aggregate or a GROUP BY and belong to neither."""
    group = select.args.get("group")
    shown = [one for one in select.expressions if not isinstance(one, exp.Star)]
    own = [aggregate for one in shown for aggregate in one.find_all(exp.AggFunc) if _is_of(aggregate, select)]
    if group is None and not own:
        return []
    keys = {key.sql() for key in group.expressions} if group is not None else set()
    return [
        column.sql()
        for one in shown
        if one.unalias().sql() not in keys
        for column in _columns(one)
        if _is_of(column, select)
        and column.sql() not in keys
        and not column.find_ancestor(exp.AggFunc, exp.Filter, exp.Window)
    ]


def _is_of(node: exp.Expression, select: exp.Select) -> bool:
    return node.find_ancestor(exp.Select) is select and node.find_ancestor(exp.Window) is None
