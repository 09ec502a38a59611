"""One database: located, opened, reopened after it was moved, and waited for while other processes write.

The rooms above ask `Database` to run a function; they see no lock and no error of an engine, only `errors`.
"""
