"""The command `agent-runtime` and its groups."""

import gc
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

import click

from .context import Settings, fail

_OWN = {
    "serve": "commands.serve:serve",
    "call": "commands.call:call",
    "init": "commands.files:init",
    "where": "commands.files:where",
    "events": "commands.events:events",
    "doctor": "commands.doctor:doctor",
    "backup": "commands.backup:backup",
    "import": "commands.import_:import_",
    "work": "commands.work:work",
    "demo": "commands.demo:demo",
    "bench": "bench.command:bench",
}
_OWN_IN_GROUPS = {
    "relay": {"run": "commands.relay_run:relay_run", "adopt": "commands.relay_adopt:relay_adopt"},
}
_GROUPS = {
    "goal": "Goals: what is to be reached.",
    "task": "Tasks: a graph of work with a ready queue.",
    "relay": "Relays: one piece of work, handed from agent to agent.",
    "breaker": "Circuit breakers: which agents are healthy enough to be given work.",
}
_SHORT_HELP = {
    "serve": "Serve MCP over standard input and output.",
    "call": "Run any operation by its MCP name.",
    "init": "Give this project a database of its own.",
    "where": "Print which database is used, and why.",
    "events": "Print the journal.",
    "doctor": "Check the database, and rebuild what is derived in it.",
    "backup": "Copy the database while it is in use.",
    "import": "Take over the data of an earlier agent-runtime server.",
    "work": "Have agents work on the tasks that are ready.",
    "demo": "Show the main job on a temporary file.",
    "bench": "Measure what was promised on this machine and disk.",
    "overview": "Show open goals, what you hold and what is ready.",
}


class LazyGroup(click.Group):
    """A group whose commands are built one by one, when they are asked for."""

    def __init__(self, *args: Any, commands_by_name: Mapping[str, Callable[[], click.Command]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._loaders = commands_by_name

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - as click calls it
        """Name the commands."""
        return list(self._loaders)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Build a command."""
        loader = self._loaders.get(cmd_name)
        return loader() if loader else None

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; under --json what click says of a wrong command line is JSON, too."""
        if ctx.parent is not None or "--json" not in ctx.args:
            return super().invoke(ctx)
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            from ..dispatch.failures import Problem

            usage = (error.ctx or ctx).get_usage()
            problem = Problem(code="invalid", message=error.format_message(), hint=usage, details={})
            fail(problem, as_json=True, code=error.exit_code)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands with a line each, at the root without building any."""
        if ctx.parent is not None:
            super().format_commands(ctx, formatter)
            return
        rows = [(name, _GROUPS.get(name) or _SHORT_HELP.get(name, "")) for name in self._loaders]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def root() -> click.Group:
    """Return the command with all its groups."""
    loaders: dict[str, Callable[[], click.Command]] = {name: _own(target) for name, target in _OWN.items()}
    loaders |= {name: _group(name, text) for name, text in _GROUPS.items()}
    loaders["overview"] = _operation(None, "overview")
    return LazyGroup(
        name="agent-runtime",
        help=(
            "Goals, tasks, relays and circuit breakers of AI agents, in one SQLite file that survives sessions.\n\n"
            "`agent-runtime GROUP COMMAND --help` explains a command."
        ),
        callback=_remember_database,
        params=[
            click.Option(["--db"], metavar="PATH", help="The database file."),
            click.Option(
                ["--version"],
                is_flag=True,
                is_eager=True,
                expose_value=False,
                callback=_print_version,
                help="Print the version and exit.",
            ),
        ],
        commands_by_name=loaders,
        context_settings={"help_option_names": ["-h", "--help"]},
    )


def main() -> None:
    """Run the command line."""
    root().main(prog_name="agent-runtime")


def _remember_database(db: str | None) -> None:
    click.get_current_context().obj = Settings(db=db)


def _print_version(ctx: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from importlib.metadata import version

        click.echo(f"agent-runtime {version('agent-runtime-mcp')}")
        ctx.exit()


def _own(target: str) -> Callable[[], click.Command]:
    module, _, name = target.partition(":")

    def load() -> click.Command:
        command: click.Command = getattr(import_module(f".{module}", __package__), name)
        gc.enable()  # some of these live long
        return command

    return load


def _group(group: str, text: str) -> Callable[[], click.Command]:
    def load() -> click.Command:
        from ..operations.table import operations

        loaders: dict[str, Callable[[], click.Command]] = {verb: _operation(group, verb) for verb in operations(group)}
        loaders |= {name: _own(target) for name, target in _OWN_IN_GROUPS.get(group, {}).items()}
        return LazyGroup(name=group, help=text, commands_by_name=loaders)

    return load


def _operation(group: str | None, verb: str) -> Callable[[], click.Command]:
    def load() -> click.Command:
        if (group, verb) == ("goal", "decompose"):
            from .commands.decompose import decompose

            return decompose()
        from ..operations.table import operations
        from .from_operations import command_of

        return command_of(operations(group)[verb])

    return load
