"""The tools as clients are shown them: described, held by a golden file, and small."""

import json

import jsonschema
import pytest
from tool_listing import GOLDEN, as_text, listed_tools

from agent_runtime_mcp.operations.table import table

KIB = 1024
LARGEST_DESCRIPTION = 4096  # characters: clients cut longer ones


@pytest.fixture(scope="module")
def tools():
    return listed_tools()


def compact(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def test_every_operation_is_listed(tools):
    assert sorted(tool["name"] for tool in tools) == sorted(operation.name for operation in table().values())


def test_every_tool_and_every_argument_is_described_to_people():
    arguments = [(name, one) for name, operation in table().items() for one in operation.accepted.arguments]
    assert [name for name, operation in table().items() if not operation.description] == []
    assert [(name, one.name) for name, one in arguments if len(one.description) < 3] == []


def test_a_model_is_told_of_each_argument_what_its_name_does_not_say(tools):
    silent = {
        (tool["name"], name)
        for tool in tools
        for name, argument in tool["inputSchema"]["properties"].items()
        if not argument.get("description", "").strip()
    }
    arguments = [(name, one) for name, operation in table().items() for one in operation.arguments.arguments]
    assert silent == {(name, one.name) for name, one in arguments if one.self_explanatory}


def test_descriptions_end_before_clients_cut_them(tools):
    assert [tool["name"] for tool in tools if len(tool["description"]) > LARGEST_DESCRIPTION] == []


def test_schemas_are_schemas(tools):
    for tool in tools:
        jsonschema.Draft202012Validator.check_schema(tool["inputSchema"])
        jsonschema.Draft202012Validator.check_schema(tool["outputSchema"])
        assert tool["inputSchema"]["additionalProperties"] is False
        assert tool["outputSchema"]["type"] == "object"


def test_the_tools_are_those_of_the_golden_file(tools):
    assert as_text(tools) == GOLDEN.read_text(encoding="utf-8"), (
        "the tools changed: where that is meant, `nox -s tools` writes tests/house/tool_schemas.json anew"
    )


def test_what_a_model_is_shown_stays_small(tools):
    shown = [{name: tool[name] for name in ("name", "description", "inputSchema")} for tool in tools]
    assert len(compact(shown)) <= 20 * KIB


def test_the_whole_listing_stays_small(tools):
    assert len(compact(tools)) <= 44 * KIB


def test_the_tools_of_the_main_loop_ask_to_be_loaded_from_the_start(tools):
    loaded = {tool["name"] for tool in tools if tool.get("_meta", {}).get("anthropic/alwaysLoad")}
    assert loaded == {"create_goal", "decompose_goal", "get_next_task", "update_task_status", "runtime_overview"}
