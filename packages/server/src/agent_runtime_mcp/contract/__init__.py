"""The contract with callers: arguments, schemas and descriptions, read from annotated functions, for MCP and CLI alike.

Pure functions and values: nothing here opens a file or knows an operation by name.
"""
