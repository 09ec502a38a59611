"""The rules of tasks: readiness, claims, cycles, plans.

Pure functions and values: no SQL and no clock.
"""
