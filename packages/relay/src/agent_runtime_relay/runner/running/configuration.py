"""The configuration file of a crew: commands by role, their limits, checks and fallbacks.

```toml
command = "claude -p"           # for all roles that name no command
time_limit = 600                # seconds for a step
environment = ["GITHUB_TOKEN"]  # variables to pass on besides the usual ones
folder = "work"                 # where commands run, relative to this file

[roles.researcher]
command = ["python3", "research.py"]
threshold = 0.8                 # the quality from which its output is accepted
fallback = "domain_expert"
checks = [{schema = "notes.schema.json"}, {command = "python3 check.py", verifies_sources = true}]
```
"""

import difflib
import json
import shlex
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from agent_runtime_kernel.bounds import Number

from ... import bounds
from ..._rules.gate import CHECK_NAME, SCORE
from ...errors import InvalidValue, RelayError
from ..assignment import TIME_LIMIT
from ..programs.environment import PASSED_ON
from ..programs.process import GRACE
from ..programs.warden import Warden
from ..results.agents import CommandAgent
from ..results.checks import TIME_LIMIT as CHECK_TIME_LIMIT
from ..results.checks import CommandCheck, GateCheck, MatchesSchema, MinimumLength, Reviewer
from .crew import Crew, Post

_SECONDS = Number(ge=0.1, le=86_400)
_CHECK_KINDS = ("command", "schema", "min_length", "reviewer")
_GENERAL_KEYS = ("command", "time_limit", "grace", "environment", "folder", "checks", "roles")
_ROLE_KEYS = ("command", "time_limit", "threshold", "fallback", "checks")
_CHECK_KEYS = (*_CHECK_KINDS, "name", "time_limit", "verifies_sources")


class InvalidConfiguration(RelayError, ValueError):
    """A configuration can't be used. The message says where and why."""

    code = "invalid"


def read_crew(
    path: Path, warden: Warden, default_command: Sequence[str] | None = None, *, time_limit: float | None = None
) -> Crew:
    """Read a crew from a TOML file.

    Args:
        path: the file; the paths in it are relative to its folder.
        warden: kills the programs when this process dies.
        default_command: the program for roles that name none, in place of the file's own.
        time_limit: seconds that a step may take if the file does not say; 600 by default.

    Raises:
        InvalidConfiguration: the file can't be read, or something in it is wrong.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidConfiguration(f"{path} can't be read: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise InvalidConfiguration(f"{path} is not TOML: {error}") from None
    try:
        limit = TIME_LIMIT if time_limit is None else _bounded("time_limit", _SECONDS, time_limit)
        return _Reader(path.parent, warden).crew(values, default_command, limit)
    except InvalidConfiguration as error:
        raise InvalidConfiguration(f"{path}: {error}", error.hint) from None


def crew_of_command(argv: Sequence[str], warden: Warden, *, time_limit: float | None = None) -> Crew:
    """Make a crew in which one program does all steps.

    Raises:
        InvalidConfiguration: the time limit is out of bounds.
    """
    limit = TIME_LIMIT if time_limit is None else _bounded("time_limit", _SECONDS, time_limit)
    return Crew(default=Post(agent=CommandAgent(argv=tuple(argv), warden=warden), time_limit=limit))


def split_command(text: str) -> tuple[str, ...]:
    """Split a command line into a program and its arguments, as a shell would; no shell runs.

    Raises:
        InvalidConfiguration: it is empty, or a quote is not closed.
    """
    try:
        argv = tuple(shlex.split(text))
    except ValueError as error:
        raise InvalidConfiguration(f"the command {text!r} can't be split: {error}") from None
    if not argv:
        raise InvalidConfiguration("the command is empty")
    return argv


class _Reader:
    """The reader of one file.

    Args:
        base: the folder that paths are relative to.
        warden: kills the programs when this process dies.
    """

    def __init__(self, base: Path, warden: Warden) -> None:
        self._base = base
        self._warden = warden
        self._grace = GRACE
        self._passed_on: tuple[str, ...] = PASSED_ON
        self._folder: Path | None = None

    def crew(self, values: Mapping[str, Any], default_command: Sequence[str] | None, time_limit: float) -> Crew:
        _require_known(values, _GENERAL_KEYS, "")
        self._grace = _bounded("grace", _SECONDS, values.get("grace", GRACE))
        self._passed_on = (*PASSED_ON, *_texts("environment", values.get("environment", [])))
        self._folder = self._existing_folder(values["folder"]) if "folder" in values else None
        limit = _bounded("time_limit", _SECONDS, values.get("time_limit", time_limit))
        checks = self._checks("checks", values.get("checks", []))
        command = default_command or (_command("command", values["command"]) if "command" in values else None)
        default = None if command is None else Post(agent=self._agent(command), time_limit=limit, checks=checks)
        roles = _table("roles", values.get("roles", {}))
        posts, thresholds, fallbacks = {}, {}, {}
        for name, given in roles.items():
            where = f"roles.{name}"
            role = _table(where, given)
            _require_known(role, _ROLE_KEYS, where)
            own = _command(f"{where}.command", role["command"]) if "command" in role else command
            if own is None:
                raise InvalidConfiguration(f"{where} has no command, and there is none for all roles")
            posts[name] = Post(
                agent=self._agent(own),
                time_limit=_bounded(f"{where}.time_limit", _SECONDS, role.get("time_limit", limit)),
                checks=self._checks(f"{where}.checks", role["checks"]) if "checks" in role else checks,
            )
            if "threshold" in role:
                thresholds[name] = _bounded(f"{where}.threshold", SCORE, role["threshold"])
            if "fallback" in role:
                fallbacks[name] = _text(f"{where}.fallback", role["fallback"])
        _bounded("roles", bounds.FALLBACKS, fallbacks)
        return Crew(posts=posts, default=default, thresholds=thresholds, fallbacks=fallbacks)

    def _agent(self, argv: Sequence[str]) -> CommandAgent:
        return CommandAgent(
            argv=tuple(argv),
            grace=self._grace,
            passed_on=self._passed_on,
            folder=self._folder,
            warden=self._warden,
        )

    def _checks(self, where: str, given: object) -> tuple[GateCheck, ...]:
        if not isinstance(given, list):
            raise InvalidConfiguration(f"{where} must be a list of tables")
        return tuple(self._check(f"{where}[{index}]", one) for index, one in enumerate(given))

    def _check(self, where: str, one: object) -> GateCheck:
        given = _table(where, one)
        _require_known(given, _CHECK_KEYS, where)
        kinds = [kind for kind in _CHECK_KINDS if kind in given]
        if len(kinds) != 1:
            raise InvalidConfiguration(f"{where} must have one of {', '.join(_CHECK_KINDS)}; it has {len(kinds)}")
        [kind] = kinds
        name = _bounded(f"{where}.name", CHECK_NAME, given.get("name", kind))
        limit = _bounded(f"{where}.time_limit", _SECONDS, given.get("time_limit", CHECK_TIME_LIMIT))
        verifies = given.get("verifies_sources", False)
        if not isinstance(verifies, bool) or (verifies and kind not in ("command", "reviewer")):
            raise InvalidConfiguration(
                f"{where}.verifies_sources must be true or false, and is for a command or a reviewer only"
            )
        match kind:
            case "min_length":
                characters = given[kind]
                if not isinstance(characters, int) or isinstance(characters, bool) or characters < 1:
                    raise InvalidConfiguration(f"{where}.min_length must be an integer of at least 1")
                return MinimumLength(name=name, characters=characters)
            case "schema":
                return MatchesSchema(name=name, schema=self._schema(f"{where}.schema", given[kind]))
            case "reviewer":
                agent = self._agent(_command(f"{where}.reviewer", given[kind]))
                return Reviewer(name=name, agent=agent, time_limit=limit, verifies_sources=verifies)
        return CommandCheck(
            name=name,
            argv=_command(f"{where}.command", given[kind]),
            time_limit=limit,
            verifies_sources=verifies,
            passed_on=self._passed_on,
            folder=self._folder,
            warden=self._warden,
        )

    def _schema(self, where: str, given: object) -> Mapping[str, Any]:
        """Read a JSON Schema from a file and check that it is valid."""
        from jsonschema import SchemaError
        from jsonschema.validators import validator_for

        path = self._base / _text(where, given)
        try:
            schema = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InvalidConfiguration(f"{where}: {path} can't be read: {error}") from None
        try:
            validator_for(schema).check_schema(schema)
        except (SchemaError, AttributeError) as error:
            raise InvalidConfiguration(f"{where}: {path} is not a JSON Schema: {error}") from None
        return _table(where, schema)

    def _existing_folder(self, given: object) -> Path:
        folder = (self._base / _text("folder", given)).resolve()
        if not folder.is_dir():
            raise InvalidConfiguration(f"folder: {folder} is not a folder")
        return folder


def _require_known(given: Mapping[str, Any], known: Sequence[str], where: str) -> None:
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]}?" if near else f"known keys are {', '.join(known)}"
            raise InvalidConfiguration(f"{where or 'the file'} has the unknown key {name}", hint)


def _command(where: str, given: object) -> tuple[str, ...]:
    if isinstance(given, str):
        try:
            return split_command(given)
        except InvalidConfiguration as error:
            raise InvalidConfiguration(f"{where}: {error}") from None
    if not isinstance(given, list) or not all(isinstance(part, str) for part in given) or not any(given[:1]):
        raise InvalidConfiguration(f"{where} must be a program with its arguments, as a list or in one line")
    return tuple(given)


def _texts(where: str, given: object) -> tuple[str, ...]:
    if not isinstance(given, list) or not all(isinstance(text, str) for text in given):
        raise InvalidConfiguration(f"{where} must be a list of texts")
    return tuple(given)


def _text(where: str, given: object) -> str:
    if not isinstance(given, str) or not given:
        raise InvalidConfiguration(f"{where} must be a text")
    return given


def _table(where: str, given: object) -> Mapping[str, Any]:
    if not isinstance(given, dict):
        raise InvalidConfiguration(f"{where} must be a table")
    return given


def _bounded(where: str, bound: Callable[[str, object], Any], given: object) -> Any:
    try:
        return bound(where, given)
    except InvalidValue as error:
        raise InvalidConfiguration(str(error)) from None
