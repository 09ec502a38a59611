"""Examine a database and repair what is derived.

It reports findings of SQLite, of each library and of the journal, and changes nothing that it cannot recompute.
"""
