"""What is done to tasks: create, place, edit, claim, settle, and let the effects ripple.

Each module is given the records, asks the rules, and writes the answer down, inside the caller's transaction.
"""
