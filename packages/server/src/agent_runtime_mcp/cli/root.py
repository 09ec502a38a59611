"""The command `agent-runtime` and its groups.

A command is imported and built when it is called: a row of a table names it as "module:function", relative to this
package. The help of the root lists the commands from the tables, without importing any.
"""

import gc
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

import click

from .context import fail
from .options import db_option

Loader = Callable[[], click.Command]

# The commands that are not operations: name, where it is defined, short help.
OWN_COMMANDS = (
    ("serve", "commands.serve:serve", "Serve MCP over standard input and output."),
    ("call", "commands.call:call", "Run any operation by its MCP name."),
    ("init", "commands.init:init", "Give this project a database of its own."),
    ("where", "commands.where:where", "Print which database is used, and why."),
    ("events", "commands.events:events", "Print the journal."),
    ("doctor", "commands.doctor:doctor", "Check the database, and rebuild what is derived in it."),
    ("backup", "commands.backup:backup", "Copy the database while it is in use."),
    ("import", "commands.import_:import_", "Take over the data of an earlier agent-runtime server."),
    ("work", "commands.work:work", "Have agents work on the tasks that are ready."),
    ("demo", "commands.demo:demo", "Show the main job on a temporary file."),
    ("bench", "bench.command:bench", "Measure what was promised on this machine and disk."),
)
# The groups of operations, with their help.
_GROUPS = (
    ("goal", "Goals: the outcomes that tasks work towards."),
    ("task", "Tasks: a graph of work with a ready queue."),
    ("relay", "Relays: one piece of work, handed from agent to agent."),
    ("breaker", "Circuit breakers: which agents are healthy enough to be given work."),
)
# Commands of a group that are not made from an operation alone; one replaces the operation's command of its name.
_OWN_IN_GROUPS = {
    "goal": (("decompose", "commands.decompose:decompose"),),
    "relay": (("run", "commands.relay_run:relay_run"), ("adopt", "commands.relay_adopt:relay_adopt")),
}
_OVERVIEW = ("overview", "Show open goals, what you hold and what is ready.")


class LazyGroup(click.Group):
    """A group that builds a command when it is asked for.

    Args:
        name: the word of the command line.
        loaders: builds each command, by its name.
        short_help: the line of each command in the help of the group; without it the help builds the commands.
        more: as click.Group takes it.
    """

    def __init__(
        self, name: str, loaders: Mapping[str, Loader], short_help: Mapping[str, str] | None = None, **more: Any
    ) -> None:
        super().__init__(name, **more)
        self._loaders = loaders
        self._short_help = short_help

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - as click calls it
        """List the names of the commands."""
        return list(self._loaders)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Build a command."""
        loader = self._loaders.get(cmd_name)
        return loader() if loader else None

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command. Under --json report a wrong command line as JSON, too."""
        if ctx.parent is not None or "--json" not in ctx.args:
            return super().invoke(ctx)
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            from ..dispatch.failures import Problem  # noqa: PLC0415 - for errors only

            usage = (error.ctx or ctx).get_usage()
            problem = Problem(code="invalid", message=error.format_message(), hint=usage, details={})
            fail(problem, as_json=True, code=error.exit_code)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands with a line each."""
        if self._short_help is None:
            super().format_commands(ctx, formatter)
            return
        with formatter.section("Commands"):
            formatter.write_dl([(name, self._short_help[name]) for name in self._loaders])


def root() -> click.Group:
    """Return the command with all its groups."""
    overview, overview_help = _OVERVIEW
    loaders: dict[str, Loader] = {name: _own(target) for name, target, _ in OWN_COMMANDS}
    loaders |= {name: _group(name, text) for name, text in _GROUPS}
    loaders[overview] = _operation(None, overview)
    group = LazyGroup(
        "agent-runtime",
        loaders,
        {**{name: text for name, _, text in OWN_COMMANDS}, **dict(_GROUPS), overview: overview_help},
        help=(
            "Goals, tasks, relays and circuit breakers of AI agents, in one SQLite file that survives sessions.\n\n"
            "`agent-runtime GROUP COMMAND --help` explains a command."
        ),
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    version = click.version_option(
        package_name="agent-runtime-mcp",
        prog_name="agent-runtime",
        message="%(prog)s %(version)s",
        help="Print the version and exit.",
    )
    return version(db_option(group))


def main() -> None:
    """Run the command line."""
    root().main(prog_name="agent-runtime")


def _own(target: str) -> Loader:
    module, _, name = target.partition(":")

    def load() -> click.Command:
        command: click.Command = getattr(import_module(f".{module}", __package__), name)
        gc.enable()  # `__main__` turned it off, and some of these commands live long
        return command

    return load


def _group(group: str, text: str) -> Loader:
    def load() -> click.Command:
        from ..operations.table import operations  # noqa: PLC0415 - not for the own commands

        loaders = {verb: _operation(group, verb) for verb in operations(group)}
        loaders |= {name: _own(target) for name, target in _OWN_IN_GROUPS.get(group, ())}
        return LazyGroup(group, loaders, help=text)

    return load


def _operation(group: str | None, verb: str) -> Loader:
    def load() -> click.Command:
        from ..operations.table import operations  # noqa: PLC0415 - not for the own commands
        from .from_operations import command_of  # noqa: PLC0415 - not for the own commands

        return command_of(operations(group)[verb])

    return load
