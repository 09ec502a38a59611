"""Results of agents: asked for, read from what a program wrote, and checked.

Runs programs, but knows neither claims nor the database.
"""
