"""The kernel of the agent-runtime libraries: bounds of arguments, migrations, connections, liveness, findings."""
