"""The tables of relays: reading and writing rows, and auditing them.

Nothing here decides; what a row may become stands in the rules.
"""
