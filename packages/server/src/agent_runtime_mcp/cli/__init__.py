"""The command line: commands made from operations, and those that are no operation.

It parses words and prints for people; whether a value is right is the operation's to check.
"""
