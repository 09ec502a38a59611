"""Checks of what is derived in the tables against what it is derived from, and its repair.

Reads and writes the tables a page at a time, by the same rules as the work.
"""
