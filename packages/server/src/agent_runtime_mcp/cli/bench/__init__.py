"""`agent-runtime bench`: the promised figures, measured on this machine.

Figures are measured, then put in tables, then printed; nothing here is used by another command.
"""
