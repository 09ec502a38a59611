"""One database: chosen, opened, opened again when it moved, and waited for while others write.

Everything above asks `Database` to run a function; nothing above it sees a lock, a path or an engine's error.
"""
