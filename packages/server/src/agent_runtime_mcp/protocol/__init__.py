"""Everything that knows the MCP SDK: the server, its transport over standard input and output.

It is given the tools and a function that answers calls, and knows no operation.
"""
