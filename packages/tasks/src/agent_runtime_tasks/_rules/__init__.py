"""The rules of tasks: readiness, transitions, cycles, plans.

Pure functions and values: no SQL and no clock.
"""
