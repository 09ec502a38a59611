"""The audit journal: one row per committed effect, and the stored replies of repeated requests.

It writes in the transaction of the caller and knows no operation.
"""
