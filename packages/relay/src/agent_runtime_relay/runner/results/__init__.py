"""What a program printed, read as a result and checked.

Pure functions of text, but for checks that run a command.
"""
