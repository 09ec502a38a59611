"""All that knows SQLite: its PRAGMAs, its files beside each other, its errors, its copies.

Everything above the room speaks of connections and `StorageFailure` only; another engine is a room beside this one.
"""
