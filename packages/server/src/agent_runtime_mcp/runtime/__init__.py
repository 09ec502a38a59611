"""The libraries over one connection, each imported at its first use: the only lazy room of the server.

It connects relays to breakers, and contains no rule of either.
"""
