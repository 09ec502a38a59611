"""Replies: the values of the libraries as plain JSON, within the sizes that clients can take.

Pure functions: nothing here reads the database.
"""
