"""Agents as programs: started, fed, watched, and never outliving their runner.

Knows processes, and nothing of relays.
"""
