"""Results read from the text of agents: a result, a failure that they report, or nothing of use."""

import contextlib
import json
import time

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent_runtime_relay.runner import AgentFailed, AgentResult, Backoff
from agent_runtime_relay.runner.results.reading import read_file, read_output, result_of
from agent_runtime_relay.runner.results.result import as_file, truncated

MIB = 1024 * 1024
RESULT = AgentResult(
    output="tea is old",
    quality_score=0.9,
    l_score=0.7,
    confidence=[0.8, 1],
    relevance=1.0,
    output_summary="in short",
    sources=["a book"],
    tokens_used=7,
)


def failure(read, value):
    with pytest.raises(AgentFailed) as raised:
        read(value)
    return raised.value


def said(value):
    """Return the type and the message of the failure that fields lead to."""
    failed = failure(result_of, value)
    return str(failed.failure_type), str(failed)


# --- finding a result


@pytest.mark.parametrize(
    "text",
    [
        as_file(RESULT),
        json.dumps(json.loads(as_file(RESULT)), indent=2),
        f"Thinking...\n{as_file(RESULT)}\n\n",
        f"Thinking... {as_file(RESULT)} That is all.",
        f"```json\n{json.dumps(json.loads(as_file(RESULT)), indent=2)}\n```\n",
        f'{{"output": "an earlier one"}}\n{as_file(RESULT)}',
        f'{{"error": "an earlier one"}}\n{as_file(RESULT)}\n{{"log": "a later line"}}',
        f"{{not JSON {{ }} {as_file(RESULT)}",
        f"[{as_file(RESULT)}]",
        "{" * 5000 + as_file(RESULT),
        '{"' * 30_000 + "\n" + as_file(RESULT),
    ],
)
def test_the_last_object_that_is_printed_is_the_result(text):
    assert read_output(text) == RESULT


def test_the_outermost_object_is_the_result():
    inner = {"output": "inner", "quality_score": 0.1}
    assert read_output(json.dumps({"output": inner, "quality_score": 0.9})) == AgentResult(
        output=json.dumps(inner, separators=(",", ":")), quality_score=0.9
    )


def test_a_file_holds_an_object_or_a_text():
    assert read_file(f" \n{as_file(RESULT)}\n") == RESULT
    assert read_file("tea is old") == AgentResult(output="tea is old")
    assert read_file("[1, 2]") == AgentResult(output="[1, 2]")
    failed = failure(read_file, as_file(RESULT)[:-1])
    assert (failed.failure_type, failed.output) == ("invalid_output", as_file(RESULT)[:-1])
    assert failure(read_file, as_file(RESULT) + "trailing").failure_type == "invalid_output"


@pytest.mark.parametrize("text", ["tea is old", '{"tea": "old"}', "{", as_file(RESULT)[:-1], "[]", "null", '"a"'])
def test_a_text_without_a_result_is_an_output_without_a_score(text):
    assert read_output(text) == AgentResult(output=text)


def test_an_object_or_a_list_as_output_is_kept_as_json():
    assert result_of({"output": {"tea": ["ä"]}}).output == '{"tea":["ä"]}'
    assert result_of({"output": [1, 2]}).output == "[1,2]"


def test_unknown_fields_are_ignored():
    assert result_of({"output": "x", "mood": "good", "error": None, "is_error": False}) == AgentResult(output="x")


def test_a_single_number_counts_as_a_list_of_one():
    assert result_of({"output": "x", "confidence": 0.5, "relevance": [1]}) == AgentResult(
        output="x", confidence=(0.5,), relevance=(1.0,)
    )
    assert result_of({"output": "x", "confidence": None, "sources": None, "tokens_used": None}) == AgentResult(
        output="x"
    )


# --- bounds


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"quality_score": 99}, "quality_score is 99; it must be at least 0 and at most 1"),
        ({"quality_score": -0.1}, "quality_score is -0.1"),
        ({"quality_score": float("nan")}, "quality_score is nan; it must be finite"),
        ({"quality_score": float("inf")}, "quality_score is inf"),
        ({"quality_score": True}, "quality_score must be a number, not a boolean"),
        ({"quality_score": "0.9"}, "quality_score must be a number, not text"),
        ({"quality_score": [0.9]}, "quality_score must be a number, not a list"),
        ({"l_score": 2}, "l_score is 2"),
        ({"confidence": [0.5, "high"]}, "confidence[1] must be a number, not text"),
        ({"confidence": "high"}, "confidence[0] must be a number, not text"),
        ({"confidence": {"a": 1}}, "confidence[0] must be a number, not an object"),
        ({"confidence": True}, "confidence[0] must be a number, not a boolean"),
        ({"relevance": [0.5] * 257}, "relevance has 257 items"),
        ({"tokens_used": -1}, "tokens_used is -1"),
        ({"tokens_used": 1.5}, "tokens_used must be a whole number"),
        ({"tokens_used": "many"}, "tokens_used must be a whole number, not text"),
        ({"tokens_used": 10**13}, "tokens_used is 10000000000000"),
        ({"sources": "a book"}, "sources must be a list, not text"),
        ({"sources": [""]}, "sources[0] must not be empty"),
        ({"output": "a\0b"}, "output contains a NUL character"),
        ({"output": "half \ud800"}, "output contains an unpaired surrogate"),
        ({"output": {"a": "half \ud800"}}, "output contains an unpaired surrogate"),
        ({"output": {"a": float("nan")}}, "output can't be written as JSON"),
        ({"output": 42}, "output must be text, not a whole number"),
        ({"output": "x" * (MIB + 1)}, "at most 1048576 are allowed"),
        ({"output_summary": "x" * (64 * 1024 + 1)}, "output_summary has 65537 bytes"),
        ({"output_summary": ["short"]}, "output_summary must be text, not a list"),
    ],
)
def test_a_result_out_of_bounds_is_refused_with_the_reason(fields, words):
    failed = failure(result_of, {"output": "text", "tokens_used": 7, **fields})
    assert failed.failure_type == "invalid_output"
    assert str(failed).startswith("the result is out of bounds: ")
    assert words in str(failed)
    assert failed.tokens_used == (0 if "tokens_used" in fields else 7)
    assert failed.output == truncated(fields.get("output", "text"))


def test_numbers_that_are_too_large_to_compare_are_out_of_bounds():
    for name in ("quality_score", "l_score", "confidence"):
        assert said({"output": "x", name: 10**400})[0] == "invalid_output"
    assert failure(read_output, '{"output": "x", "quality_score": ' + "9" * 300 + "}").failure_type == "invalid_output"


def test_a_result_without_output_is_refused():
    assert said({"quality_score": 0.9}) == ("invalid_output", "the result has neither output nor output_summary")
    assert said("") == ("invalid_output", "the result has neither output nor output_summary")
    assert said(None)[0] == said(b"text")[0] == said([1])[0] == "invalid_output"
    assert result_of({"output_summary": "in short"}) == AgentResult(output_summary="in short")


# --- the envelope of `claude -p --output-format json`

ENVELOPE = {
    "type": "result",
    "subtype": "success",
    "is_error": False,
    "duration_ms": 4212,
    "num_turns": 3,
    "session_id": "b0a7",
    "total_cost_usd": 0.03,
    "usage": {
        "input_tokens": 1200,
        "cache_creation_input_tokens": 300,
        "cache_read_input_tokens": 90_000,
        "output_tokens": 500,
        "server_tool_use": {"web_search_requests": 0},
    },
}


def envelope(result, **more):
    return json.dumps({**ENVELOPE, "result": result, **more})


def test_the_result_in_an_envelope_has_the_tokens_that_the_client_measured():
    expected = attrs.evolve(RESULT, tokens_used=2000)
    for text in (as_file(RESULT), f"Here it is:\n```json\n{as_file(RESULT)}\n```"):
        assert read_output(envelope(text)) == expected
        assert read_file(envelope(text)) == expected
    assert read_output(f'[{{"type": "system"}}, {envelope(as_file(RESULT))}]') == expected


def test_a_text_in_an_envelope_is_an_output_without_a_score():
    assert read_output(envelope("tea is old")) == AgentResult(output="tea is old", tokens_used=2000)


def test_the_tokens_of_an_envelope_are_charged_whatever_is_in_it():
    for text in ('{"quality_score": 99, "output": "x"}', '{"error": "no tea"}', ""):
        assert failure(read_output, envelope(text)).tokens_used == 2000


@pytest.mark.parametrize(
    "usage", [None, 3, {}, {"input_tokens": "many"}, {"input_tokens": True}, {"output_tokens": -1}]
)
def test_unreadable_usage_is_ignored(usage):
    assert read_output(envelope(as_file(RESULT), usage=usage)).tokens_used == 7


def test_an_envelope_with_an_error_is_the_failure_that_it_reports():
    failed = failure(read_output, envelope("Credit balance is too low", is_error=True))
    assert (failed.failure_type, str(failed), failed.tokens_used) == ("exception", "Credit balance is too low", 2000)
    failed = failure(read_output, json.dumps({**ENVELOPE, "subtype": "error_during_execution", "is_error": True}))
    assert (failed.failure_type, str(failed)) == ("exception", "result, error_during_execution")


def test_nested_envelopes_are_read_to_a_limit():
    text = as_file(RESULT)
    for _ in range(20):
        text = envelope(text)
    with pytest.raises(AgentFailed):
        read_output(text)


# --- rate limits


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        ({"error": "429"}, None),
        ({"error": "API Error: 429 Too Many Requests"}, None),
        ({"error": "Rate limit reached, try again in 12 seconds"}, 12),
        ({"error": "rate_limit_error: retry after 7.5s"}, 7.5),
        ({"error": "rate-limited; Retry-After: 30"}, 30),
        ({"error": {"type": "rate_limit_error", "message": "slow down"}, "retry_after": 30}, 30),
        ({"error": {"code": 429, "message": "slow down", "retry_after_seconds": "15"}}, 15),
        ({"error": {"status": 429, "headers": {"retry-after": "20"}}}, 20),
        ({"is_error": True, "api_error_status": 429, "result": "overloaded"}, None),
        ({"is_error": True, "result": 'API Error: 429 {"type":"error","error":{"type":"rate_limit_error"}}'}, None),
        ({"error": "429", "retry_after": -1}, None),
        ({"error": "429", "retry_after": "soon"}, None),
        ({"error": "429", "retry_after": float("nan")}, None),
        ({"error": "429", "retry_after": 10**400}, None),
        ({"error": "429: retry after 99999999999999 seconds"}, 31_536_000),
        ({"status": "error", "status_code": 429, "error": True}, None),
    ],
)
def test_a_rate_limit_is_recognised_with_the_time_to_retry(fields, seconds):
    failed = failure(result_of, fields)
    assert (failed.failure_type, failed.retry_after_seconds) == ("rate_limited", seconds)


@pytest.mark.parametrize(
    "fields", [{"error": "line 4290 is wrong"}, {"error": {"code": 500}}, {"error": True}, {"is_error": True}]
)
def test_other_errors_are_exceptions(fields):
    assert said(fields)[0] == "exception"


def test_an_error_beside_an_output_is_not_a_failure():
    assert result_of({"output": "x", "error": "a footnote was missing"}) == AgentResult(output="x")


def test_the_text_of_a_failure_can_be_stored():
    failed = AgentFailed("timeout", "a\0b \ud800" + "x" * MIB, output="c\0d", tokens_used=3, retry_after_seconds=None)
    assert str(failed).startswith("ab ?xxx")
    assert (len(str(failed)), failed.output) == (64 * 1024, "cd")
    for wrong in ({"tokens_used": -1}, {"retry_after_seconds": -1}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            AgentFailed("timeout", "slow", **wrong)
    with pytest.raises(ValueError, match="failure_type"):
        AgentFailed("tired", "slow")


# --- any input

TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=40)
LINES = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"]), min_size=1, max_size=20)
SCORES = st.floats(0, 1)
RESULTS = st.builds(
    AgentResult,
    output=TEXTS.filter(bool),
    quality_score=st.none() | SCORES,
    l_score=st.none() | SCORES,
    confidence=st.lists(SCORES, max_size=3),
    relevance=st.lists(SCORES, max_size=3),
    output_summary=TEXTS,
    sources=st.lists(LINES.filter(str.strip), max_size=3),
    tokens_used=st.integers(0, 10**12),
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
# On a machine that is busy, drawing the first text takes as long as Hypothesis allows for all.
UNHURRIED = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
NAMES = st.sampled_from([*RESULT.__slots__, "error", "is_error", "usage", "type", "result", "retry_after", "status"])


@UNHURRIED
@given(RESULTS, st.text(st.characters(exclude_categories=["Cs"], exclude_characters="{}"), max_size=30))
def test_a_result_that_was_written_is_read_back(result, noise):
    assert read_file(as_file(result)) == result
    assert read_output(f"{noise}\n{as_file(result)}\n") == result


@UNHURRIED
@given(st.dictionaries(NAMES, VALUES, max_size=5))
def test_whatever_an_object_holds_is_a_result_or_a_failure(fields):
    for read, value in ((result_of, fields), (read_output, json.dumps(fields)), (read_file, json.dumps(fields))):
        try:
            result = read(value)
        except AgentFailed as failed:
            str(failed).encode()
            failed.output.encode()
            continue
        assert read_file(as_file(result)) == result


@UNHURRIED
@given(st.text(st.sampled_from('{}[]":,\\ \n0e.-nt') | st.characters(), max_size=200))
def test_whatever_is_printed_is_a_result_or_a_failure(text):
    for read in (read_output, read_file):
        with contextlib.suppress(AgentFailed):
            assert not read(text).is_empty


def cpu_seconds(read, text):
    before = time.process_time()
    with contextlib.suppress(AgentFailed):
        read(text)
    return time.process_time() - before


@pytest.fixture(scope="module")
def good_time():
    """A multiple of the time to read as much valid JSON."""
    numbers = "[" + "1," * (MIB // 2) + "1]"
    return 80 * min(cpu_seconds(json.loads, numbers) for _ in range(3))


@pytest.mark.parametrize("part", ["{", '{"', '{"a":', '{"a":[', "{\n", '{"a":1}', "}", '{"a":"\n', '{"a":{} '])
def test_a_mebibyte_that_looks_like_objects_is_read_in_good_time(good_time, part):
    assert cpu_seconds(read_output, part * (MIB // len(part))) < good_time


def test_a_result_that_was_cut_off_deep_inside_is_read_in_good_time(good_time):
    assert cpu_seconds(read_output, '{"a":' * 900 + "[" + "1," * (MIB // 2 - 4000)) < good_time


@given(st.integers(1, 40), st.floats(0.01, 100), st.floats(0.01, 1000))
@UNHURRIED
def test_the_wait_before_a_retry_doubles_with_a_random_part_up_to_its_limit(failures, first, longest):
    seconds = Backoff(first=first, longest=longest).seconds(failures)
    least = first * 2 ** (failures - 1)
    assert min(least, longest) * 0.999 <= seconds <= min(least + first, longest) * 1.001
