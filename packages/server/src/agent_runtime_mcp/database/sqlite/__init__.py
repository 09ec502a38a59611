"""Everything that knows SQLite: its settings, its files, its errors, its copies, its integrity checks.

The rooms above know connections and `StorageFailure`; another engine would be a room beside this one.
"""
