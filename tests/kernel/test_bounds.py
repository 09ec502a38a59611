"""Bounds: what each validates, how it cleans, what its errors say, and the JSON Schema that it shows."""

import json
import math
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_runtime_kernel.bounds import (
    KIB,
    Choice,
    Integer,
    Items,
    JsonObject,
    Number,
    Text,
    from_json,
    optional,
    to_json,
)
from agent_runtime_kernel.errors import AgentRuntimeError, InvalidValue

TITLE = Text(min_length=1, max_length=10, one_line=True)
NAME = Text(min_length=1, max_length=10, exact=True)
LONG = Text(max_bytes=10)
PRIORITY = Integer(ge=1, le=10)
SCORE = Number(ge=0, le=1)
RATE = Number(gt=0, le=1)
WORD = Choice(words=("low", "high"))
SCORES = Items(item=SCORE, min_items=1, max_items=3)
OBJECT = JsonObject(max_bytes=40)


@pytest.mark.parametrize(
    ("bound", "value", "kept"),
    [
        (TITLE, "  a\nb\tc ", "a b c"),
        (TITLE, "x" * 10, "x" * 10),
        (Text(), "", ""),
        (Text(), "a\r\nb\rc", "a\nb\nc"),
        (Text(), "\x1b[31mred\x1b[0m", "red"),
        (Text(), "\x1b]0;title\x07text", "text"),
        (Text(), "a\x08b\x7fc", "abc"),
        (Text(), "\u202eabc\u2066", "abc"),
        (Text(), "caf\u00e9 \u6f22", "caf\u00e9 \u6f22"),
        (LONG, "\u00e9" * 5, "\u00e9" * 5),
        (NAME, "ann@host", "ann@host"),
        (PRIORITY, 1, 1),
        (PRIORITY, 10, 10),
        (Integer(), 0, 0),
        (SCORE, 0, 0.0),
        (SCORE, 1.0, 1.0),
        (RATE, 0.001, 0.001),
        (WORD, "low", "low"),
        (SCORES, [0, 0.5], (0.0, 0.5)),
        (SCORES, (1,), (1.0,)),
        (SCORES, iter([1, 0]), (1.0, 0.0)),
        (Items(item=SCORE, max_items=3), [], ()),
        (OBJECT, {"a": [1, None, True, "b\x07"], "c": {"d": 1.5}}, {"a": [1, None, True, "b"], "c": {"d": 1.5}}),
        (OBJECT, {}, {}),
    ],
)
def test_a_value_within_bounds_is_returned_clean(bound: Any, value: object, kept: object) -> None:
    result = bound("field", value)
    assert result == kept
    assert type(result) is type(kept)


@pytest.mark.parametrize(
    ("bound", "value", "message"),
    [
        (TITLE, None, "field must be text, not null"),
        (TITLE, 5, "field must be text, not a whole number"),
        (TITLE, b"a", "field must be text, not bytes"),
        (TITLE, " \n ", "field must not be empty"),
        (Text(min_length=3), "ab", "field must have at least 3 characters"),
        (TITLE, "x" * 11, "field has 11 characters; at most 10 are allowed"),
        (LONG, "\u00e9" * 6, "field has 12 bytes; at most 10 are allowed"),
        (LONG, "a\x00b", "field contains a NUL character, which can't be stored"),
        (LONG, "\ud800", "field contains an unpaired surrogate"),
        (NAME, "a\nb", "field contains control characters, which are not allowed in an identifier"),
        (NAME, "a\x1b[0m", "field contains control characters, which are not allowed in an identifier"),
        (NAME, "\u202eabc", "field contains control characters, which are not allowed in an identifier"),
        (PRIORITY, 0, "field is 0; it must be at least 1 and at most 10"),
        (PRIORITY, 11, "field is 11; it must be at least 1 and at most 10"),
        (PRIORITY, True, "field must be a whole number, not a boolean"),
        (PRIORITY, 1.0, "field must be a whole number, not a fraction"),
        (PRIORITY, "1", "field must be a whole number, not text"),
        (Integer(), -1, "field is -1; it must be at least 0"),
        (SCORE, 1.01, "field is 1.01; it must be at least 0 and at most 1"),
        (RATE, 0, "field is 0; it must be more than 0 and at most 1"),
        (SCORE, math.nan, "field is nan; it must be finite"),
        (SCORE, math.inf, "field is inf; it must be finite"),
        (SCORE, False, "field must be a number, not a boolean"),
        (SCORE, "0.5", "field must be a number, not text"),
        (SCORE, 10**400, f"field is 1{'0' * 76}...; it must be finite"),
        (WORD, "middle", "field is 'middle'; it must be one of low, high"),
        (WORD, 1, "field is 1; it must be one of low, high"),
        (SCORES, [], "field has 0 items; at least 1 are required"),
        (SCORES, [0, 0, 0, 0], "field has 4 items; at most 3 are allowed"),
        (SCORES, [0, 2], "field[1] is 2; it must be at least 0 and at most 1"),
        (SCORES, "ab", "field must be a list, not text"),
        (SCORES, {"a": 1}, "field must be a list, not an object"),
        (SCORES, 5, "field must be a list, not a whole number"),
        (OBJECT, [1], "field must be an object, not a list"),
        (OBJECT, {"a": "x" * 40}, "field has 48 bytes as JSON; at most 40 are allowed"),
        (OBJECT, {"a": math.inf}, "field contains inf, which JSON can't express"),
        (OBJECT, {"a": b""}, "field contains bytes, which JSON can't express"),
        (OBJECT, {"a": "\x00"}, "field contains a NUL character, which can't be stored"),
        (OBJECT, {1: "a"}, "field must be text, not a whole number"),
    ],
)
def test_a_value_out_of_bounds_is_refused_with_the_argument_the_value_and_the_bound(
    bound: Any, value: object, message: str
) -> None:
    with pytest.raises(InvalidValue, match=f"^{re.escape(message)}$") as refused:
        bound("field", value)
    assert (refused.value.argument, refused.value.code, refused.value.keeps_writes) == ("field", "invalid", False) or (
        refused.value.argument.startswith("field[")
    )
    assert isinstance(refused.value, ValueError)
    assert isinstance(refused.value, AgentRuntimeError)


def test_an_object_may_be_50_levels_deep() -> None:
    value: dict[str, Any] = {}
    for _ in range(50):
        value = {"a": value}
    bound = JsonObject(max_bytes=KIB)
    assert bound("field", value) == value
    with pytest.raises(InvalidValue, match="field is nested more than 50 levels deep"):
        bound("field", {"a": value})


@pytest.mark.parametrize(
    ("bound", "schema"),
    [
        (TITLE, {"type": "string", "minLength": 1, "maxLength": 10}),
        (LONG, {"type": "string"}),
        (PRIORITY, {"type": "integer", "minimum": 1, "maximum": 10}),
        (Integer(ge=1), {"type": "integer", "minimum": 1}),
        (SCORE, {"type": "number", "minimum": 0, "maximum": 1}),
        (RATE, {"type": "number", "exclusiveMinimum": 0, "maximum": 1}),
        (WORD, {"type": "string", "enum": ["low", "high"]}),
        (SCORES, {"type": "array", "items": SCORE.schema, "minItems": 1, "maxItems": 3}),
        (OBJECT, {"type": "object"}),
    ],
)
def test_a_bound_describes_itself_as_json_schema(bound: Any, schema: dict[str, Any]) -> None:
    assert bound.schema == schema


def test_an_optional_value_is_validated_unless_it_is_none() -> None:
    assert optional(PRIORITY, "field", None) is None
    assert optional(PRIORITY, "field", 5) == 5
    with pytest.raises(InvalidValue, match=r"^field is 0"):
        optional(PRIORITY, "field", 0)


anything = st.text(st.characters(exclude_categories=()), max_size=30)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | anything,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(anything, inner, max_size=4),
    max_leaves=12,
)


@given(value=anything, one_line=st.booleans(), exact=st.booleans())
def test_a_validated_text_validates_unchanged_and_holds_nothing_that_acts(
    value: str, one_line: bool, exact: bool
) -> None:
    bound = Text(max_length=20, max_bytes=40, one_line=one_line, exact=exact)
    try:
        kept = bound("field", value)
    except InvalidValue:
        return
    assert bound("field", kept) == kept
    assert len(kept) <= 20
    assert len(kept.encode()) <= 40
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", kept)
    assert not ((one_line or exact) and re.search("[\n\t]", kept))


@given(value=st.dictionaries(anything, json_values, max_size=4))
def test_a_validated_object_is_json_within_its_size_and_reads_back(value: dict[str, Any]) -> None:
    bound = JsonObject(max_bytes=200)
    try:
        kept = bound("field", value)
    except InvalidValue:
        return
    text = to_json(kept)
    assert len(text.encode()) <= 200
    assert from_json(text) == kept == json.loads(text)
    assert bound("field", kept) == kept
