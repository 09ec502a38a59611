"""`agent-runtime goal decompose`: the operation's command, with `--dry-run` to see the plan first."""

from typing import Any

import attrs
import click

from agent_runtime_tasks import Plan, PlannedTask, check_plan

from ...dispatch.request import Request
from ...operations.table import operations
from ...planner.planning import require_decomposable
from ...replies.json import compact
from ..context import errors_end_the_process
from ..from_operations import command_of, prepared_request
from ..words import given_arguments

_DRY_RUN = click.Option(["--dry-run"], is_flag=True, help="Show the plan as a tree and write nothing.")


def _with_dry_run() -> click.Command:
    """Make the operation's command and give it the option --dry-run."""
    operation = operations("goal")["decompose"]
    command = command_of(operation)
    apply = command.callback
    if apply is None:
        raise AssertionError("the command of an operation has a callback")

    def run(dry_run: bool, db: str | None, as_json: bool, **given: Any) -> None:
        if not dry_run:
            apply(db=db, as_json=as_json, **given)
            return
        with errors_end_the_process(as_json):
            # A dry run writes nothing, so it must not replay the reply of an earlier request.
            arguments = given_arguments(operation, given | {"request_id": None})
            request, opened = prepared_request(operation, arguments, db)
            if not request.prepared:
                opened.run_blocking(lambda libraries: require_decomposable(request, libraries), writes=False)
            _show(request, as_json)

    command.params.append(_DRY_RUN)
    command.callback = run
    return command


def _show(request: Request, as_json: bool) -> None:
    prepared = request.prepared
    plan = prepared.plan if prepared else _given_plan(request)
    planner = prepared.planner if prepared else "caller"
    if as_json:
        click.echo(
            compact(
                {
                    "goal_id": request.arguments["goal_id"],
                    "planner": planner,
                    "kind": plan.kind,
                    "task_count": len(plan.items),
                    "fallback_reason": prepared.fallback_reason if prepared else None,
                    "plan": [attrs.asdict(item) for item in plan.items],
                }
            )
        )
        return
    from rich.console import Console

    console = Console(highlight=False)
    if prepared and prepared.fallback_reason:
        console.print(f"The planner command was not used: {prepared.fallback_reason}", style="yellow", markup=False)
    console.print(_tree(plan, planner))
    console.print("Nothing was written.", style="dim")


def _given_plan(request: Request) -> Plan:
    return check_plan(request.arguments["plan"])


def _tree(plan: Plan, planner: str) -> Any:
    """Draw the plan as a tree of groups and tasks, numbered so that dependencies can be named."""
    from rich.text import Text
    from rich.tree import Tree

    ordered = plan.order()
    numbers = {item.key: number for number, item in enumerate(ordered, 1) if item.key is not None}
    count = f"{len(ordered)} task{'' if len(ordered) == 1 else 's'}"
    kind = f", kind {plan.kind}" if plan.kind else ""
    root = Tree(Text(f"{count}, planned by {planner}{kind}", style="bold"))
    branches: dict[str | None, Any] = {None: root}
    for number, item in enumerate(ordered, 1):
        branch = branches[item.parent].add(_line(number, item, numbers))
        if item.key is not None:
            branches[item.key] = branch
    return root


def _line(number: int, item: PlannedTask, numbers: dict[str, int]) -> Any:
    from rich.text import Text

    line = Text(f"{number}. {item.title}")
    if item.depends_on:
        after = ", ".join(str(numbers[key]) for key in item.depends_on)
        line.append(f"  after {after}", style="dim")
    return line


decompose = _with_dry_run()
