"""Make a plan for a goal before its transaction, with a planner command or from the goal's text.

The plan is applied by an operation; nothing here writes to the database.
"""
