"""The tables of tasks: reading and writing rows.

Nothing here decides; what a row may become stands in the rules.
"""
