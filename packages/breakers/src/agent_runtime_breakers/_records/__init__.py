"""The records of breakers: rows, permits, history, views, and their audit.

Nothing here decides; the rules decide, and the work asks them.
"""
