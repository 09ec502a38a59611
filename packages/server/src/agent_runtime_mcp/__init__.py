"""The server over the agent-runtime libraries: an MCP server and the command `agent-runtime`."""
