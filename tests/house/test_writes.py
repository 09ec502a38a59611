"""A write that returns nothing is not fetched: the second engine has nothing to give there."""

import ast
import re

from rooms import modules

WRITE = re.compile(r"\s*(INSERT|UPDATE|DELETE|REPLACE|CREATE|ALTER|DROP)\b", re.IGNORECASE)


def fetched(name):
    """Return the places and the SQL of a module's statements that are written out and fetched."""
    for node in ast.walk(ast.parse(modules()[name].read_text(encoding="utf-8"))):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        run = node.func.value
        if node.func.attr in ("fetchall", "fetchone") and isinstance(run, ast.Call) and run.args:
            yield f"{name}:{node.lineno}", written(run.args[0])


def written(argument):
    """Return the text of a statement, with blanks in place of what is put into it; empty where it is a name."""
    if isinstance(argument, ast.Constant):
        return str(argument.value)
    if isinstance(argument, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else " " for part in argument.values)
    return ""


def test_only_writes_that_return_rows_are_fetched():
    found = [one for name in modules() for one in fetched(name)]
    assert len([sql for _, sql in found if sql.lstrip().startswith("SELECT")]) > 30
    assert [place for place, sql in found if WRITE.match(sql) and "RETURNING" not in sql.upper()] == []
