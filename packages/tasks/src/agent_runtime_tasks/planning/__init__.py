"""Planners: from the text of a goal to a plan of tasks.

`plan_text` reads what a text says, without a network and without chance: the same text gives the same plan. It is
imported where it is used, for its parser is not needed otherwise.
"""

from ._text import Planner, Strategy, plan_text

__all__ = ["Planner", "Strategy", "plan_text"]
