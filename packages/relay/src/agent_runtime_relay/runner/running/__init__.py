"""A pipeline run to its end: claim a baton, run an agent, hand in its result, and resume after a crash.

Reads and writes relays through their public class only.
"""
