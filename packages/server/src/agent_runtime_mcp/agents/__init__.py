"""Agents as programs, at work on tasks and relays.

It claims, runs and settles through the same requests as every other client.
"""
