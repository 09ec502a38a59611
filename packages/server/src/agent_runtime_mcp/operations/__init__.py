"""The operations: one table, a documented function for each row.

A function is given a `Call` inside a transaction and answers a value; tools and commands are derived from the table.
"""
