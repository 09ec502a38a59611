"""The token budget of a pipeline: what it is by default, and what a baton may spend of it."""

from collections.abc import Iterable

SMALLEST_DEFAULT = 100_000


def default_budget(role_limits: Iterable[int]) -> int:
    """Return the budget of a pipeline whose roles may write so many tokens each."""
    return max(SMALLEST_DEFAULT, sum(role_limits))


def remaining(token_budget: int, tokens_used: int) -> int:
    """Return the tokens that may still be spent; an overrun leaves none."""
    return max(0, token_budget - tokens_used)


def allows_a_baton(token_budget: int, tokens_used: int) -> bool:
    """Tell whether at least one token remains, without which no baton is issued."""
    return remaining(token_budget, tokens_used) >= 1


def output_limit(role_limit: int, token_budget: int, tokens_used: int) -> int:
    """Return how many tokens the holder of a baton may write."""
    return min(role_limit, remaining(token_budget, tokens_used))
