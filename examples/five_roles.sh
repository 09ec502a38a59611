#!/bin/sh
# A relay of five agents. Each is a small program that works on the output of the one before; no model is needed.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export AGENT_RUNTIME_DB="$folder/runtime.db"

agent-runtime relay create "Tea" "Say in a few sentences where tea comes from" \
  researcher analyzer synthesizer validator formatter --json >/dev/null
agent-runtime relay run 1 --config "$here/five_roles.toml" --check
agent-runtime relay run 1 --config "$here/five_roles.toml"
agent-runtime relay status 1

echo
agent-runtime relay output 1 5 --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["text"])'
