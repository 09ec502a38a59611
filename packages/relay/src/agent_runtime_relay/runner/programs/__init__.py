"""Programs as processes: started, fed, watched, and never outliving the runner.

Knows processes only: neither relays nor results.
"""
