"""A plan for a goal, made before the transaction by a planner command or from the goal's text.

An operation applies the plan; this room never writes to the database.
"""
