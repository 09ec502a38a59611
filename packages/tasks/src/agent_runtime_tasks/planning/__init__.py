"""Planners: from the text of a goal to a plan of tasks.

`plan_text` reads a text without a network and without chance: the same text gives the same plan. Import it only where
you use it, because nothing else needs its parser.
"""

from ._text import Planner, Strategy, plan_text

__all__ = ["Planner", "Strategy", "plan_text"]
