"""The rules of relays: gates, retries, routing, budgets, provenance.

Pure functions and values: no SQL and no clock.
"""
