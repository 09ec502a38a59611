"""Operations on pipelines and batons: issue, claim, hand over, fail, adopt, read.

Each module is given the records, asks the rules, and writes the answer down, inside the caller's transaction.
"""
