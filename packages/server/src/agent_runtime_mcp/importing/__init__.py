"""Read the SQLite files of earlier agent-runtime servers into a database, in one transaction.

Each kind of row has a module; what is taken, mapped and left is reported.
"""
