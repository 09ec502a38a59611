"""The import of a SQLite file of an earlier agent-runtime server, in one transaction.

Each kind of row has a module. The report names everything that was taken over, changed or left out.
"""
