"""The rules of circuit breakers: one state machine, its settings, and the chain of fallbacks.

Pure functions and values: no SQL, and no clock but the time that is handed in.
"""
