"""How well the text planner reads the corpus: `python tests/planning/corpus_report.py [--all] [NAME ...]`.

Each file of the corpus is a goal with what a sensible reader expects of it:

- `expect`: the tasks, one a line as `label: words`, nested by indentation. Each word must begin a word of the title;
  `a|b` stands for either. The order of the lines is that of the text.
- `order`: chains of labels that the text puts in an order, such as "a < b"; a sequential plan keeps that of the lines.
- `forbidden`: words that no title may have together; `optional`: those of tasks that a reader may or may not make.
- `free_groups`: groups are the planner's to find; `oneliner`: a small plan of `kind` that speaks of each of `mention`.

Files below 80 whose number is divisible by three were held back while the first rules were written. Those from 80 on
were written, with what they expect, before the planner had seen them; rules were mended by them afterwards.
"""

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs

from agent_runtime_tasks._rules.plan import Plan, PlannedTask
from agent_runtime_tasks.planning import plan_text

CORPUS = Path(__file__).parent / "corpus"
FIRST_WRITTEN_LATER = 80
_WORD = re.compile(r"[^\s,;:()\"'`\u201c\u201d]+")


@attrs.frozen
class Expected:
    """A task that a reader expects."""

    label: str
    words: tuple[str, ...]
    parent: str | None


@attrs.frozen
class Score:
    """What was right of how much, and what was wrong."""

    recall: tuple[int, int] = (0, 0)
    precision: tuple[int, int] = (0, 0)
    order: tuple[int, int] = (0, 0)
    nesting: tuple[int, int] = (0, 0)
    forbidden: int = 0
    faults: tuple[str, ...] = ()

    def __add__(self, other: "Score") -> "Score":
        def add(one: tuple[int, int], two: tuple[int, int]) -> tuple[int, int]:
            return one[0] + two[0], one[1] + two[1]

        return Score(
            add(self.recall, other.recall),
            add(self.precision, other.precision),
            add(self.order, other.order),
            add(self.nesting, other.nesting),
            self.forbidden + other.forbidden,
            self.faults + other.faults,
        )


def share(of: tuple[int, int]) -> float:
    return of[0] / of[1] if of[1] else 1.0


def cases(held_back: bool | None = None) -> Iterator[tuple[str, dict[str, Any]]]:
    for path in sorted(CORPUS.glob("*.toml")):
        number = int(path.stem.split("-")[0])
        if held_back is None or (number < FIRST_WRITTEN_LATER and number % 3 == 0) is held_back:
            yield path.stem, tomllib.loads(path.read_text(encoding="utf-8"))


def planned(case: dict[str, Any]) -> Plan:
    return plan_text(case["name"], case["description"], strategy=case["strategy"])


def judge(case: dict[str, Any], plan: Plan) -> Score:
    score = _one_liner(case, plan) if case.get("oneliner") else _outline(case, plan)
    wrong = [
        f"forbidden: {item.title!r} has {words!r}"
        for words in case.get("forbidden", ())
        for item in plan.items
        if has_words(item.title, words.split())
    ]
    return score + Score(forbidden=len(wrong), faults=tuple(wrong))


def has_words(title: str, words: list[str] | tuple[str, ...]) -> bool:
    found = [word.lower() for word in (*_WORD.findall(title), *re.findall(r"\w+", title))]
    text = title.lower()

    def has(word: str) -> bool:
        return any(
            any(other.startswith(stem) for other in found) or (not stem.isascii() and stem in text)
            for stem in word.lower().split("|")
        )

    return all(has(word) for word in words)


def _outline(case: dict[str, Any], plan: Plan) -> Score:
    expected = _expected(case["expect"])
    matched = _matched(expected, plan)
    faults = [f"not found: {item.label}" for item in expected if item.label not in matched]
    taken = {id(item) for item in matched.values()}
    parents = {item.parent for item in plan.items}
    surplus = [
        item
        for item in plan.items
        if id(item) not in taken
        and not (case.get("free_groups") and item.key in parents)
        and not any(has_words(item.title, words.split()) for words in case.get("optional", ()))
    ]
    faults += [f"surplus: {item.title!r}" for item in surplus]
    nesting = _nesting(case, expected, matched, plan, faults)
    order = _order(case, expected, matched, plan, faults)
    return Score(
        (len(matched), len(expected)),
        (len(plan.items) - len(surplus), len(plan.items)),
        order,
        nesting,
        faults=tuple(faults),
    )


def _one_liner(case: dict[str, Any], plan: Plan) -> Score:
    leaves = [item for item in plan.items if item.key not in {other.parent for other in plan.items}]
    checks = {
        f"{len(leaves)} tasks": 3 <= len(leaves) <= 7,
        f"kind {plan.kind}": plan.kind is not None and plan.kind == case.get("kind", plan.kind),
        "titles repeat": len({item.title for item in plan.items}) == len(plan.items),
        "name pasted in": sum(case["name"].lower() in item.title.lower() for item in plan.items) <= 1,
    }
    for words in case["mention"]:
        speaking = sum(has_words(item.title, words.split()) for item in leaves)
        checks[f"{words!r} in {speaking} of {len(leaves)}"] = 2 * speaking >= len(leaves) or speaking >= 2
    faults = tuple(f"one-liner: {text}" for text, good in checks.items() if not good)
    return Score((len(checks) - len(faults), len(checks)), faults=faults)


def _expected(text: str) -> list[Expected]:
    found: list[Expected] = []
    above: list[tuple[int, str]] = []
    for line in text.strip("\n").splitlines():
        depth = (len(line) - len(line.lstrip())) // 2
        label, _, words = line.strip().partition(":")
        above = [entry for entry in above if entry[0] < depth]
        found.append(Expected(label, tuple(words.split()), above[-1][1] if above else None))
        above.append((depth, label))
    return found


def _matched(expected: list[Expected], plan: Plan) -> dict[str, PlannedTask]:
    matched: dict[str, PlannedTask] = {}
    free = list(plan.items)
    # A group's word may stand in its children's titles as well: what stands at the expected depth comes first.
    for item in sorted(expected, key=lambda item: -len(item.words)):
        depth = _depth(item, expected)
        candidates = [other for other in free if has_words(other.title, item.words)]
        if candidates:
            best = min(candidates, key=lambda other: (other.key or "").count(".") != depth)
            matched[item.label] = best
            free.remove(best)
    return matched


def _depth(item: Expected, expected: list[Expected]) -> int:
    above = {other.label: other.parent for other in expected}
    depth, label = 0, item.parent
    while label is not None:
        depth, label = depth + 1, above[label]
    return depth


def _nesting(
    case: dict[str, Any], expected: list[Expected], matched: dict[str, PlannedTask], plan: Plan, faults: list[str]
) -> tuple[int, int]:
    by_key = {item.key: item for item in plan.items}
    label_of = {id(item): label for label, item in matched.items()}
    right = 0
    for item in expected:
        if item.label not in matched:
            continue
        above = by_key.get(matched[item.label].parent)
        if case.get("free_groups"):
            while above is not None and id(above) not in label_of:
                above = by_key.get(above.parent)
        parent = None if above is None else label_of.get(id(above), "surplus")
        if parent == item.parent:
            right += 1
        else:
            faults.append(f"nesting: {item.label} is under {parent}, not {item.parent}")
    return right, sum(item.label in matched for item in expected)


def _order(
    case: dict[str, Any], expected: list[Expected], matched: dict[str, PlannedTask], plan: Plan, faults: list[str]
) -> tuple[int, int]:
    """Judge each pair of tasks of which none is in the other: does one wait for the other where the text says so."""
    labels = [item.label for item in expected if item.label in matched]
    stated = _stated(case, expected)
    if case.get("order_free"):
        labels = [label for label in labels if label not in case["order_free"]]
    waits = _waits(plan)
    above = {item.label: item.parent for item in expected}
    right = total = 0
    for place, one in enumerate(labels):
        for two in labels[place + 1 :]:
            if _under(two, one, above) or _under(one, two, above):
                continue
            forward = (matched[two].key, matched[one].key) in waits
            back = (matched[one].key, matched[two].key) in waits
            should = (one, two) in stated
            if case.get("optional_order") and not should and forward:
                continue
            total += 1
            if (forward, back) == (should, False) or (case.get("optional_order") and not back):
                right += 1
            else:
                faults.append(
                    f"order: {one} {'<' if forward else '>' if back else '|'} {two}, not {'<' if should else '|'}"
                )
    return right, total


def _stated(case: dict[str, Any], expected: list[Expected]) -> set[tuple[str, str]]:
    if case["strategy"] == "sequential":
        labels = [item.label for item in expected]
        return {(one, two) for place, one in enumerate(labels) for two in labels[place + 1 :]}
    above = {item.label: item.parent for item in expected}
    direct = set()
    for chain in case.get("order", ()):
        steps = [step.strip() for step in chain.split("<")]
        direct |= {(one, two) for place, one in enumerate(steps) for two in steps[place + 1 :]}
    grown = True
    while grown:
        more = {(one, four) for one, two in direct for three, four in direct if two == three}
        grown = not more <= direct
        direct |= more
    labels = [item.label for item in expected]
    return direct | {
        (one, two)
        for one in labels
        for two in labels
        for first, second in direct
        if (one == first or _under(one, first, above)) and (two == second or _under(two, second, above))
    }


def _under(label: str, group: str, above: dict[str, str | None]) -> bool:
    parent = above[label]
    return parent is not None and (parent == group or _under(parent, group, above))


def _waits(plan: Plan) -> set[tuple[str, str]]:
    """Return all pairs of keys of which the first can't start before the second is done."""
    by_key = {item.key: item for item in plan.items if item.key}
    below: dict[str, list[str]] = {key: [] for key in by_key}
    for item in plan.items:
        if item.parent and item.key:
            below[item.parent].append(item.key)
    pairs = set()
    for key in by_key:
        seen: set[str] = set()
        pending = [key]
        while pending:
            current: str | None = pending.pop()
            while current is not None:
                for need in by_key[current].depends_on:
                    for each in [need, *_descendants(need, below)]:
                        if each not in seen:
                            seen.add(each)
                            pending.append(each)
                current = by_key[current].parent
        pairs |= {(key, other) for other in seen}
    return pairs


def _descendants(key: str, below: dict[str, list[str]]) -> Iterator[str]:
    for child in below[key]:
        yield child
        yield from _descendants(child, below)


def total(held_back: bool | None = None) -> Score:
    score = Score()
    for _, case in cases(held_back):
        score += judge(case, planned(case))
    return score


def _line(name: str, score: Score) -> str:
    numbers = (share(of) for of in (score.recall, score.precision, score.order, score.nesting))
    return f"{name:34}" + "".join(f"{number:9.3f}" for number in numbers) + f"{score.forbidden:9}"


def main(arguments: list[str]) -> None:
    write = sys.stdout.write
    names = [argument for argument in arguments if not argument.startswith("--")]
    shown = None if "--all" in arguments or names else False
    write(f"{'':34}{'recall':>9}{'precis.':>9}{'order':>9}{'nesting':>9}{'forbid.':>9}\n")
    for name, case in cases(shown):
        if names and not any(name.startswith(wanted) for wanted in names):
            continue
        plan = planned(case)
        score = judge(case, plan)
        if names or score.faults:
            write(_line(name, score) + "\n" + "".join(f"    {fault}\n" for fault in score.faults))
        if names:
            for item in plan.items:
                write(
                    f"  {'  ' * (item.key or '').count('.')}{item.key} {item.title}  <- {', '.join(item.depends_on)}\n"
                )
    if not names:
        for name, held_back in (("tuned on", False), ("held back", True), ("all", None)):
            write(_line(name, total(held_back)) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
