"""The rooms of the sources: which modules stand in which folder, and who imports whom."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from checkout import IMPORT_NAMES, SOURCES


@cache
def modules() -> dict[str, Path]:
    """Return the files of all modules by their dotted names."""
    found = {}
    for part, source in SOURCES.items():
        for path in sorted(source.rglob("*.py")):
            names = [IMPORT_NAMES[part], *path.relative_to(source).with_suffix("").parts]
            found[".".join(names[:-1] if names[-1] == "__init__" else names)] = path
    return found


@cache
def imports(module: str) -> frozenset[str]:
    """Return the modules of this repository that a module imports, at its top or later."""
    path = modules()[module]
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return frozenset(name for node in ast.walk(tree) for name in _imported(module, path, node))


def _imported(module: str, path: Path, node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names if alias.name in modules())
    elif isinstance(node, ast.ImportFrom):
        package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
        above = package[: len(package) - node.level + 1] if node.level else []
        origin = ".".join([*above, *([node.module] if node.module else [])])
        for alias in node.names:
            name = f"{origin}.{alias.name}"
            if name in modules():
                yield name
            elif origin in modules():
                yield origin


def room(module: str, depth: int = 1) -> str:
    """Return the folder that a module stands in, below its distribution; itself where it stands in none."""
    names = module.split(".")[1:]
    return ".".join(names[:depth]) if names else ""


def circles() -> list[list[str]]:
    """Return the groups of modules that import each other in a circle (Tarjan's strongly connected components)."""
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(module: str) -> None:
        order[module] = low[module] = len(order)
        stack.append(module)
        for other in sorted(imports(module) & modules().keys()):
            if other not in order:
                visit(other)
                low[module] = min(low[module], low[other])
            elif other in stack:
                low[module] = min(low[module], order[other])
        if low[module] == order[module]:
            group = []
            while module not in group:
                group.append(stack.pop())
            if len(group) > 1:
                found.append(sorted(group))

    for module in modules():
        if module not in order:
            visit(module)
    return found
