"""Agents that are programs, at work on tasks and relays.

They claim, run and settle through the same requests as every other client.
"""
