"""The commands that are no operation, one file each.

Each is loaded when it is called; what it needs that is heavy is imported then.
"""
