"""The writes on tasks: create, place, edit, claim, settle, pause.

Each module reads the records, asks the rules, and writes the answer, inside the caller's transaction.
"""
