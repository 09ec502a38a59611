"""A pipeline run to its end: claim, run an agent, hand in, and go on after a crash.

Knows relays through their public class only.
"""
