"""The configuration file of a crew, and every fault that it can have."""

import json
import sys

import attrs
import pytest

from agent_runtime_relay.runner import (
    PASSED_ON,
    CommandAgent,
    CommandCheck,
    Crew,
    InvalidConfiguration,
    MatchesSchema,
    MinimumLength,
    Post,
    Reviewer,
    Warden,
    crew_of_command,
    read_crew,
    split_command,
)

SCHEMA = {"type": "object"}


@pytest.fixture
def read(tmp_path):
    """Write a configuration and read it."""
    (tmp_path / "work").mkdir()
    (tmp_path / "schema.json").write_text(json.dumps(SCHEMA))
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "no-schema.json").write_text('{"type": "thing"}')
    (tmp_path / "list.json").write_text("[]")
    (tmp_path / "boolean.json").write_text("true")

    def read(text, **more):
        path = tmp_path / "agents.toml"
        path.write_text(text, encoding="utf-8")
        return read_crew(path, Warden(), **more)

    return read


def plain(crew):
    """Return a crew without its wardens, which are equal only to themselves."""
    if isinstance(crew, Crew):
        posts = {name: plain(post) for name, post in crew.posts.items()}
        return attrs.evolve(crew, posts=posts, default=plain(crew.default))
    if isinstance(crew, Post):
        return attrs.evolve(crew, agent=plain(crew.agent), checks=tuple(map(plain, crew.checks)))
    if isinstance(crew, Reviewer):
        return attrs.evolve(crew, agent=plain(crew.agent))
    return attrs.evolve(crew, warden=None) if isinstance(crew, CommandAgent | CommandCheck) else crew


def test_a_file_names_commands_limits_checks_thresholds_and_fallbacks(read, tmp_path):
    crew = read(
        """
        command = "claude -p --model 'a b'"
        time_limit = 30
        grace = 2
        environment = ["GITHUB_TOKEN", "AWS_*"]
        folder = "work"
        checks = [{ min_length = 10 }]

        [roles.researcher]
        command = ["python3", "research.py", "$(x)"]
        time_limit = 5.5
        threshold = 0.8
        fallback = "analyzer"
        checks = [
            { name = "tests pass", command = "make test", time_limit = 9, verifies_sources = true },
            { schema = "schema.json" },
            { reviewer = "claude -p", verifies_sources = false },
        ]

        [roles.writer]
        checks = []

        [roles."an agent: of one's own"]
        threshold = 1
        """
    )
    how = {"grace": 2.0, "passed_on": (*PASSED_ON, "GITHUB_TOKEN", "AWS_*"), "folder": (tmp_path / "work").resolve()}
    general = CommandAgent(argv=("claude", "-p", "--model", "a b"), warden=None, **how)
    length = (MinimumLength(name="min_length", characters=10),)
    how_checked = {"passed_on": how["passed_on"], "folder": how["folder"], "warden": None}
    checks = (
        CommandCheck(name="tests pass", argv=("make", "test"), time_limit=9.0, verifies_sources=True, **how_checked),
        MatchesSchema(name="schema", schema=SCHEMA),
        Reviewer(name="reviewer", agent=CommandAgent(argv=("claude", "-p"), warden=None, **how)),
    )
    assert plain(crew) == Crew(
        posts={
            "researcher": Post(
                agent=CommandAgent(argv=("python3", "research.py", "$(x)"), warden=None, **how),
                time_limit=5.5,
                checks=checks,
            ),
            "writer": Post(agent=general, time_limit=30.0),
            "an agent: of one's own": Post(agent=general, time_limit=30.0, checks=length),
        },
        default=Post(agent=general, time_limit=30.0, checks=length),
        thresholds={"researcher": 0.8, "an agent: of one's own": 1.0},
        fallbacks={"researcher": "analyzer"},
    )


def test_missing_keys_have_defaults(read):
    assert plain(read('command = "claude"')) == Crew(
        default=Post(agent=CommandAgent(argv=("claude",), grace=5.0, warden=None), time_limit=600.0)
    )
    assert read("") == Crew()
    assert plain(read("")).post("one") is None


def test_a_command_from_the_command_line_replaces_the_files_own(read):
    crew = read('command = "claude"\n[roles.one]\ncommand = "mine"\n[roles.two]\n', default_command=("theirs",))
    assert [crew.post(name).agent.argv for name in ("one", "two", "three")] == [("mine",), ("theirs",), ("theirs",)]


def test_a_time_limit_from_the_command_line_applies_if_the_file_has_none(read):
    crew = read('command = "claude"\n[roles.one]\ntime_limit = 5\n', time_limit=7)
    assert [crew.post(name).time_limit for name in ("one", "two")] == [5, 7]
    assert read('command = "claude"\ntime_limit = 5', time_limit=7).default.time_limit == 5
    with pytest.raises(InvalidConfiguration, match="time_limit is 0"):
        read("", time_limit=0)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("command = ", "is not TOML: "),
        ("comand = 'x'", "the file has the unknown key comand"),
        ("zzz = 1", "the file has the unknown key zzz"),
        ("command = ''", "command: the command is empty"),
        ('command = "claude \'-p"', "can't be split"),
        ("command = ['']", "command must be a program with its arguments"),
        ("command = []", "command must be a program with its arguments"),
        ("command = ['claude', 3]", "command must be a program with its arguments"),
        ("command = 3", "command must be a program with its arguments"),
        ("time_limit = 0", "time_limit is 0; it must be at least 0.1"),
        ("time_limit = 86401", "time_limit is 86401"),
        ("time_limit = 'long'", "time_limit must be a number, not text"),
        ("time_limit = true", "time_limit must be a number, not a boolean"),
        ("time_limit = nan", "time_limit is nan; it must be finite"),
        ("grace = -1", "grace is -1"),
        ("environment = 'HOME'", "environment must be a list of texts"),
        ("environment = [1]", "environment must be a list of texts"),
        ("folder = 'nowhere'", "is not a folder"),
        ("folder = ''", "folder must be a text"),
        ("roles = 3", "roles must be a table"),
        ("[roles]\none = 3", "roles.one must be a table"),
        ("[roles.one]", "roles.one has no command, and there is none for all roles"),
        ("[roles.one]\ncommand = 3", "roles.one.command must be a program"),
        ("[roles.one]\nfoo = 3", "roles.one has the unknown key foo"),
        ("[roles.one]\ncommand='x'\ntime_limit = 0", "roles.one.time_limit is 0"),
        ("[roles.one]\ncommand='x'\nthreshold = 1.5", "roles.one.threshold is 1.5"),
        ("[roles.one]\ncommand='x'\nfallback = 3", "roles.one.fallback must be a text"),
        ("[roles.one]\ncommand='x'\nfallback = 'one'", "roles"),
        ("[roles.one]\ncommand='x'\nchecks = 3", "roles.one.checks must be a list of tables"),
        ("checks = {}", "checks must be a list of tables"),
        ("checks = [3]", "checks[0] must be a table"),
        (
            "checks = [{min_length = 1}, {}]",
            "checks[1] must have one of command, schema, min_length, reviewer; it has 0",
        ),
        (
            "checks = [{min_length = 1, command = 'x'}]",
            "checks[0] must have one of command, schema, min_length, reviewer; it has 2",
        ),
        ("checks = [{min_lenght = 1}]", "checks[0] has the unknown key min_lenght"),
        ("checks = [{min_length = 0}]", "checks[0].min_length must be an integer of at least 1"),
        ("checks = [{min_length = true}]", "checks[0].min_length must be an integer of at least 1"),
        ("checks = [{min_length = 1.5}]", "checks[0].min_length must be an integer of at least 1"),
        ("checks = [{min_length = 1, name = ''}]", "checks[0].name must not be empty"),
        ("checks = [{min_length = 1, verifies_sources = true}]", "checks[0].verifies_sources must be true or false"),
        ("checks = [{command = 'x', verifies_sources = 'yes'}]", "checks[0].verifies_sources must be true or false"),
        ("checks = [{command = ''}]", "checks[0].command: the command is empty"),
        ("checks = [{command = 'x', time_limit = 0}]", "checks[0].time_limit is 0"),
        ("checks = [{reviewer = 3}]", "checks[0].reviewer must be a program"),
        ("checks = [{schema = 3}]", "checks[0].schema must be a text"),
        ("checks = [{schema = 'nowhere.json'}]", "checks[0].schema: "),
        ("checks = [{schema = 'broken.json'}]", "broken.json can't be read"),
        ("checks = [{schema = 'no-schema.json'}]", "no-schema.json is not a JSON Schema"),
        ("checks = [{schema = 'list.json'}]", "list.json is not a JSON Schema"),
        ("checks = [{schema = 'boolean.json'}]", "checks[0].schema must be a table"),
    ],
)
def test_each_fault_is_named_with_its_place(read, tmp_path, text, said):
    with pytest.raises(InvalidConfiguration) as refused:
        read(text)
    message = str(refused.value)
    assert message.startswith(str(tmp_path / "agents.toml"))
    assert said in message


def test_a_misspelt_key_is_refused_with_the_nearest_one(read):
    with pytest.raises(InvalidConfiguration) as refused:
        read("comand = 'x'")
    assert refused.value.hint == "did you mean command?"
    with pytest.raises(InvalidConfiguration) as refused:
        read("zzz = 'x'")
    assert refused.value.hint.startswith("known keys are command, time_limit")


def test_a_file_that_cant_be_read_is_refused(tmp_path):
    with pytest.raises(InvalidConfiguration, match="can't be read"):
        read_crew(tmp_path / "nowhere.toml", Warden())
    with pytest.raises(InvalidConfiguration, match="can't be read"):
        read_crew(tmp_path, Warden())
    latin = tmp_path / "latin.toml"
    latin.write_bytes(b"command = '\xe4'")
    with pytest.raises(InvalidConfiguration, match="can't be read"):
        read_crew(latin, Warden())


def test_a_crew_of_one_command_does_all_steps():
    crew = crew_of_command(("claude", "-p"), Warden(), time_limit=5)
    assert crew.post("anybody") == crew.default
    assert (crew.default.agent.argv, crew.default.time_limit) == (("claude", "-p"), 5)
    with pytest.raises(InvalidConfiguration, match="time_limit is 0"):
        crew_of_command(("claude",), Warden(), time_limit=0)


def test_a_command_line_is_split_and_not_run():
    assert split_command("claude -p 'a b' $(x) \"c\"; rm") == ("claude", "-p", "a b", "$(x)", "c;", "rm")
    assert split_command(sys.executable) == (sys.executable,)
