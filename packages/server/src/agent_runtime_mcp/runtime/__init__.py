"""The libraries over one connection, each imported at its first use: the only lazy room of the server.

It wires relays to breakers, and holds no rule of either.
"""
