"""The audit journal: one row per committed effect, and the stored replies of repeated requests.

It writes inside the caller's transaction and knows no operation.
"""
