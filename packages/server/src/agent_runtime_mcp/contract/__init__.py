"""What is taken: arguments, their bounds and descriptions, read from annotated functions; one source for MCP and CLI.

Pure functions: nothing here opens a file or knows an operation by name.
"""
