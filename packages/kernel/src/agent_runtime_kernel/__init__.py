"""What the agent-runtime libraries share: bounds of arguments, migrations, connections, liveness, findings."""
