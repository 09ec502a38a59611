"""The SQL that both engines take: every statement that a test runs is held against it."""

import functools
import re

_STRINGS = re.compile(r"'(?:[^']|'')*'")
_EXEMPT = re.compile(
    r"\s*(PRAGMA|BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE|CREATE|ALTER|DROP|VACUUM|EXPLAIN|ATTACH|DETACH)\b",
    re.IGNORECASE,
)

_REFUSED = {
    r"\bOR\s+(IGNORE|REPLACE)\b|\bREPLACE\s+INTO\b": "ON CONFLICT (key) DO NOTHING, DO UPDATE",
    r"\bSET\s+(\w+)\s*=\s*\1\s*[-+]\s*excluded\.": "SET n = table.n + excluded.n",
    r"\bIS\s+(NOT\s+)?:\w+": "IS NOT DISTINCT FROM :p",
    r":\w+\s+IS\s+(NOT\s+)?NULL\s+OR\b": "a clause built in Python",
    r"\browid\b|\blast_insert_rowid\b|\b(total_)?changes\s*\(": "RETURNING",
    r"\bjson_\w+\s*\(|->>?": "JSON read in Python",
    r"\bINDEXED\s+BY\b": "an index that the planner picks",
    r"\bgroup_concat\b|\bifnull\b|\biif\s*\(": "coalesce, CASE",
    r"\b(max|min)\s*\([^()]*,": "CASE",
    r"\b(SUM|COUNT)\s*\([^()]*(<>|[=<>])": "COUNT(*) FILTER",
    r"(<>|[=<>])\s*:?[\w.]+\s+AS\s+\w": "CASE WHEN",
    r"\bAS\s*\(\s*(SELECT|VALUES\s*\()\s*:": "CAST(:id AS BIGINT)",
    r"(?<!lower\()\b\w+\s+LIKE\b": "lower(x) LIKE lower(:q)",
    r"\?": "named parameters",
    r";\s*\S": "one statement in one call",
}
_PATTERNS = [(re.compile(pattern, re.IGNORECASE), instead) for pattern, instead in _REFUSED.items()]


class OneEngineOnly(AssertionError):
    """A statement would not run on the second engine."""


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
        if pattern.search(bare):
            raise OneEngineOnly(f"not {pattern.pattern!r} but {instead}:\n{sql}")
    return True
