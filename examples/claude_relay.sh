#!/bin/sh
# A relay of three agents. Each is `claude -p`, Claude Code without a screen, with the briefing on standard input.
#
#   examples/claude_relay.sh "What should a team know before it moves from MySQL to SQLite?"
#
# It uses the database of this project (`agent-runtime where` prints which). After a stop or a crash, run the last
# command again by hand: it continues with the step that was reached.
set -eu
question=${1:-"What should a team know before it keeps its data in SQLite?"}
if ! command -v claude >/dev/null; then
  echo "claude is not installed: https://claude.com/claude-code" >&2
  exit 1
fi

created=$(agent-runtime relay create "$question" "$question" quick --json)
pipeline=$(echo "$created" | python3 -c 'import json, sys; print(json.load(sys.stdin)["pipeline_id"])')
# With --output-format json, claude also reports the tokens used and a rate limit, which the runner then waits for.
agent-runtime relay run "$pipeline" --agent-command "claude -p --output-format json" --time-limit 900
