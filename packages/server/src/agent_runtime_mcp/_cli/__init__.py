"""The command line, made from the table of operations; commands are built when they are asked for."""

from ._root import main

__all__ = ["main"]
