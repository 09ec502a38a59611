"""The doctor: examine a database, and repair derived data.

It reports findings of SQLite, of each library and of the journal, and changes nothing that it can't recompute.
"""
