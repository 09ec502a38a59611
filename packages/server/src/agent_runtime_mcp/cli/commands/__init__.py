"""The commands that are not operations, one file each.

A command is imported when it is called. Packages that are heavy and not always needed are imported within it.
"""
