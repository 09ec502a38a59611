"""Tables whose rows are work."""

import re
from collections.abc import Callable
from itertools import pairwise

from ._document import Table
from ._drafts import Draft
from ._inline import plain
from ._requests import Ask, read_request

_WORK_COLUMN = re.compile(
    r"^(?:tasks?|to ?do|action(?: item)?s?|steps?|work(?: item| package)?s?|what|features?"
    r"|requirements?|stories|story|user stor(?:y|ies)|initiatives?|deliverables?|"
    r"epics?|tickets?|issues?|bugs?|activit(?:y|ies)|milestones?|projects?|change|changes|fix|improvements?"
    r"|summary|title|(?:i|we) (?:want|need)(?: to)?|want|wish|tests?|test cases?|checks?"
    r"|aufgaben?|was|maßnahmen?|schritte?|tâches?|étapes?|actions?|tareas?|作業|タスク|内容)$",
    re.IGNORECASE,
)
_TALK_COLUMN = re.compile(r"^(?:items?|descriptions?|details?|subject|name|goal|scope)$", re.IGNORECASE)
_STATUS_COLUMN = re.compile(
    r"^(?:status|state|done\??|progress|results?|outcome|verdict|complete[d]?\??|finished|erledigt|statut|état|estado|状態|ステータス|✅|✓)$",
    re.IGNORECASE,
)
_NUMBER_COLUMN = re.compile(r"^(?:#|no\.?|nr\.?|id|step|order|number|key|ref|n°|番号)$", re.IGNORECASE)
_NEEDS_COLUMN = re.compile(
    r"^(?:depends on|dependenc(?:y|ies)|blocked by|needs|requires|after|prerequisites?|predecessors?)$", re.IGNORECASE
)
_DONE = re.compile(
    r"^(?:done|ok|pass(?:ed)?|complete[d]?|finished|closed|shipped|merged|fixed|resolved|yes"
    r"|x|100 ?%|cancelled|canceled"
    r"|dropped|won'?t (?:do|fix)|erledigt|fertig|ja|fait|terminé|hecho|完了|済)\b",
    re.IGNORECASE,
)
_OPEN = re.compile(
    r"^(?:open|failed|to ?do|in progress|in review|pending|not started|not done|planned|blocked|wip|ongoing|no"
    r"|offen|in arbeit"
    r"|nein|à faire|en cours|non|pendiente|未着手|進行中|未完了|\[ \]|[\u2610\u274c\u2b1c])",
    re.IGNORECASE,
)
_REMEDY_COLUMN = re.compile(
    r"^(?:recommendations?|recommended (?:action|fix)|remed(?:y|iation)|(?:proposed |suggested )?(?:fix|solution"
    r"|measure|correction)s?|countermeasures?)$",
    re.IGNORECASE,
)
_PERSON_COLUMN = re.compile(r"^(?:owners?|authors?|assignees?|who|responsible|reporter|by|team|lead)$", re.IGNORECASE)
_MILESTONE_COLUMN = re.compile(r"^(?:milestones?|phases?|events?|what)$", re.IGNORECASE)
_DATE_COLUMN = re.compile(
    r"^(?:(?:due |target |start |end )?dates?|due|when|deadline|eta|start|end|until)$", re.IGNORECASE
)
_WORD = re.compile(r"[^\W\d_]{2}")
_ONLY_A_NUMBER = re.compile(r"#?(?:[A-Za-z]{1,6}[- ]?)?[0-9]+(?:[.-][0-9]+)*")
_MOST_COLUMNS = 6
_DONE_SIGN = re.compile("^[\u2705\u2713\u2714\u2611]")
_FAULT_COLUMN = re.compile(r"^(?:findings?|bugs?|defects?|problems?|faults?|vulnerabilit(?:y|ies))$", re.IGNORECASE)
_FACT_COLUMNS = re.compile(
    r"^(?:metrics?|kpis?|target|current|now|value|default|type|parameter|option|term|definition|meaning"
    r"|version|browser|environment|variable|example|code|pros?|cons?|risk|likelihood|impact|probability|role"
    r"|e-?mail|phone|price|cost|share|before|question|answer|alternative)$",
    re.IGNORECASE,
)


def read_table(table: Table, english: bool, trusted: bool, title_of: Callable[[str], str], most: int) -> list[Draft]:
    """Make a task of each row that is work and not done.

    Args:
        table: the table.
        english: whether its words can be understood.
        trusted: whether the section says that its content is work.
        title_of: turns a cell into a title.
        most: how many rows are read.
    """
    names = [plain(cell).text for cell in table.header]
    column = _work_column(table, names, english, trusted)
    if column is None:
        return []
    status = _first(names, _STATUS_COLUMN)
    numbers = _first(names, _NUMBER_COLUMN)
    needs = _first(names, _NEEDS_COLUMN)
    drafts: list[Draft] = []
    by_number: dict[str, Draft] = {}
    wanted: list[tuple[Draft, str]] = []
    for cells, line in table.rows[:most]:
        text = plain(_cell(cells, column))
        state = _cell(cells, status)
        if not text.text or text.struck or _is_done(state):
            continue
        draft = Draft(title_of(text.text), notes=[_row(names, cells)])
        draft.spans = []
        drafts.append(draft)
        by_number[_cell(cells, numbers).strip().lstrip("#") or str(line)] = draft
        wanted.append((draft, _cell(cells, needs)))
    for draft, text_of_needs in wanted:
        for number in re.findall(r"[\w.-]+", text_of_needs):
            if number in by_number:
                draft.wait_for(by_number[number])
    if numbers is not None and re.fullmatch(r"step|order", names[numbers], re.IGNORECASE):
        for before, after in pairwise(drafts):
            after.wait_for(before)
    return drafts


def lists_faults(table: Table) -> bool:
    """Tell whether the rows of a table are faults to fix."""
    return any(_FAULT_COLUMN.match(plain(cell).text) for cell in table.header)


def tells_dates(table: Table) -> bool:
    """Tell whether a table is a calendar, which only dates work that other parts of the text ask for."""
    names = [plain(cell).text for cell in table.header]
    return len(names) > 1 and _MILESTONE_COLUMN.match(names[0]) is not None and all(map(_DATE_COLUMN.match, names[1:]))


def _work_column(table: Table, names: list[str], english: bool, trusted: bool) -> int | None:
    """Return the column that says what to do, or None if the rows state facts."""
    for pattern in (_WORK_COLUMN, _REMEDY_COLUMN, _FAULT_COLUMN, _TALK_COLUMN):
        for column, name in enumerate(names):
            trustworthy = pattern is not _TALK_COLUMN or trusted or _asks(table, column, english)
            # A column "Step" that holds only numbers counts the rows.
            if (
                pattern.match(name)
                and trustworthy
                and any(_says_something(_cell(cells, column)) for cells, _ in table.rows)
            ):
                return column
    if _is_tracked(table, _first(names, _STATUS_COLUMN)):
        counting = (_STATUS_COLUMN, _NUMBER_COLUMN)
        column = next((place for place, name in enumerate(names) if not any(one.match(name) for one in counting)), 0)
        return None if _FACT_COLUMNS.match(names[column]) else column
    if any(_FACT_COLUMNS.match(name) for name in names):
        return None
    said_of_work = (_STATUS_COLUMN, _NUMBER_COLUMN, _PERSON_COLUMN, _DATE_COLUMN)
    for column, name in enumerate(names[:_MOST_COLUMNS]):
        if not any(one.match(name) for one in said_of_work) and _asks(table, column, english):
            return column
    return None


def _says_something(cell: str) -> bool:
    """Tell whether a cell holds more than a number such as 3 or GR-3."""
    return _WORD.search(cell) is not None and _ONLY_A_NUMBER.fullmatch(plain(cell).text) is None


def _is_tracked(table: Table, status: int | None) -> bool:
    """Tell whether a column holds the state of each row: open or done."""
    states = [_cell(cells, status) for cells, _ in table.rows[:50]]
    return any(map(_OPEN.match, states)) and all(_OPEN.match(state) or _is_done(state) for state in states)


def _is_done(state: str) -> bool:
    return bool(_DONE.match(plain(state).text) or _DONE_SIGN.match(state) or "[x]" in state.lower())


def _asks(table: Table, column: int, english: bool) -> bool:
    """Tell whether at least half of the cells of a column ask for something."""
    cells = [plain(_cell(cells, column)).text for cells, _ in table.rows[:50]]
    return english and bool(cells) and 2 * sum(read_request(cell).ask is Ask.REQUEST for cell in cells) >= len(cells)


def _row(names: list[str], cells: list[str]) -> str:
    return "\n".join(f"{name}: {cell}" if name else cell for name, cell in zip(names, cells, strict=False) if cell)


def _cell(cells: list[str], column: int | None) -> str:
    return cells[column] if column is not None and column < len(cells) else ""


def _first(names: list[str], pattern: re.Pattern[str]) -> int | None:
    return next((column for column, name in enumerate(names) if pattern.match(name)), None)
