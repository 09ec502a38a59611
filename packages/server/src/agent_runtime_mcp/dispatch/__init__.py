"""Run a checked request in one transaction: journaled, replayed when repeated, answered within bounds.

It turns errors of the libraries into problems that a caller can act on, and knows neither MCP nor click.
"""
