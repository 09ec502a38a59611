"""The tables of breakers: reading and writing rows, listing, auditing.

Nothing here decides; what a breaker does next stands in the rules.
"""
