"""The tables of tasks: the statements that read and write rows.

Nothing here decides what a row may become; the rules do.
"""
