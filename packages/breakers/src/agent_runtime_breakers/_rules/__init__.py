"""The rules of circuit breakers: one state machine, its settings, its decisions.

Pure functions and values: no SQL and no clock but the one that is handed in.
"""
