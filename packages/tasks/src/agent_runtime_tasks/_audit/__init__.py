"""Compare what is derived with what it is derived from, and recompute it.

Reads and writes the tables a page at a time; decides by the same rules as the work.
"""
