"""The command line: commands made from operations, and commands of its own.

It parses words and prints replies for people. Operations validate the values.
"""
