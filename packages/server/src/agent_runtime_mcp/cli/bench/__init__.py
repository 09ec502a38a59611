"""`agent-runtime bench`: the promised figures, measured on this machine.

Work is measured, summed up as figures and a report, and printed as tables. No other command uses this package.
"""
