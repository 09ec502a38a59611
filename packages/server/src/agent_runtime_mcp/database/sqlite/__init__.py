"""The engine SQLite: its settings, its files, its errors, its copies, its integrity checks.

`engine` translates every error for `Database`; another engine would be a room beside this one.
"""
