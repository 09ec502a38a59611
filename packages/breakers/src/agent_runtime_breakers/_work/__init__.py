"""The work on breakers: admit callers, record outcomes, trip, reset, configure.

Each module reads the records, asks the rules, and writes the answer, inside the caller's transaction.
"""
