"""All that knows the MCP SDK: sessions, the stdio transport, tools as they are listed.

It hands calls to an application and knows no operation.
"""
