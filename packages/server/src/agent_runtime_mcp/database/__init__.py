"""One database: located, opened, reopened after it was moved, and waited for while other processes write.

The rooms above ask `Database` to run a function. An engine stands behind the seam of `engine`; SQLite is `sqlite`.
"""
