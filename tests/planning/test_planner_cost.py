"""What planning by text costs: beside the Markdown parser's own part in it, beside a short text, and at the worst.

Only processor time is compared, and what is compared is measured in the same run.
"""

import textwrap
import time
import tomllib
from collections.abc import Callable

import pytest
from corpus_report import CORPUS

from agent_runtime_tasks.planning import plan_text
from agent_runtime_tasks.planning._document import _parser
from agent_runtime_tasks.planning._prose import word_stems
from agent_runtime_tasks.planning._requests import read_request
from agent_runtime_tasks.planning._sections import read_heading

KIB = 1024
SHORT, LONG = 2 * KIB, 64 * KIB
TIMES_THE_PARSER, TIMES_A_SHORT_TEXT = 3, 45
LONGEST = 1.5  # seconds
PROSE = (
    "The importer{n} was written in a hurry two years ago, and nobody has touched it since then. It reads the files one"
    " after the other, which takes about six hours on a normal day. We should read file{n} in parallel and keep the"
    " order of the results. When a file is broken, the importer stops and somebody has to start it again by hand."
    " Please add check{n} for broken files, and send a message to the team when one is found. The customers have"
    " complained about missing orders three times this month."
)


def paragraphs() -> list[str]:
    return [textwrap.fill(PROSE.format(n=number), 80) for number in range(140)]


def texts() -> dict[str, str]:
    described = [
        tomllib.loads(path.read_text(encoding="utf-8"))["description"] for path in sorted(CORPUS.glob("*.toml"))
    ]
    items = [f"- Add the export{number} button\n- Fix the layout of page{number}\n" for number in range(1500)]
    sections = [
        f"## Part {number}\n\n{text}\n\n- Add {number}\n- Test {number}\n" for number, text in enumerate(paragraphs())
    ]
    return {
        "the corpus": "\n\n".join(described),
        "a list": "".join(items),
        "prose": "\n\n".join(paragraphs()),
        "sections with prose and lists": "\n".join(sections),
    }


def seconds(run: Callable[[], object], times: int = 5) -> float:
    """Return the least processor time of some runs, none of which finds anything remembered."""
    measured = []
    for _ in range(times):
        for remembered in (read_request, read_heading, word_stems):
            remembered.cache_clear()
        started = time.process_time()
        run()
        measured.append(time.process_time() - started)
    return min(measured)


@pytest.mark.parametrize("strategy", ["sequential", "parallel", "hierarchical"])
@pytest.mark.parametrize("name", texts())
def test_a_long_text_costs_little_more_than_its_parsing_and_no_more_than_its_length_does(name: str, strategy: str):
    text = texts()[name] * 2
    assert len(text.encode()) >= LONG
    long, short = text[:LONG], text[:SHORT]
    ratios = []
    for _ in range(3):  # one of them undisturbed by whatever else runs on the machine
        whole = seconds(lambda: plan_text("Do it", long, strategy=strategy))
        ratios.append(
            (
                whole / seconds(lambda: _parser().parse(long)),
                whole / seconds(lambda: plan_text("Do it", short, strategy=strategy)),
            )
        )
        if ratios[-1] <= (TIMES_THE_PARSER, TIMES_A_SHORT_TEXT):
            break
    assert min(parsed for parsed, _ in ratios) <= TIMES_THE_PARSER
    assert min(of_short for _, of_short in ratios) <= TIMES_A_SHORT_TEXT


WORST = {
    "nested a thousand times": "\n".join("  " * depth + "- do part" for depth in range(1000)),
    "nested a thousand times in a line": "- " * 1000 + "do it",
    "quoted ever deeper": "\n".join(">" * depth + " do it" for depth in range(1, 350)),
    "ten thousand items": "- do\n" * 10_000,
    "items that refer to each other": "".join(f"- Build box{n} after box{n - 1} is built\n" for n in range(1, 1600)),
    "steps that refer to each other": "".join(f"{n}. Do thing {n} (needs {n - 1})\n" for n in range(1, 2500)),
    "sentences that refer to each other": "".join(f"Before moving box{n}, count box{n - 1}. " for n in range(1600)),
    "headings": "## Part\n\nWe should add it. Then test it.\n\n" * 1600,
    "headings underlined": "do it\n===\n\n- fix it\n\n" * 2700,
    "bold labels": "**Label:** an hour\n\n- add it\n\n" * 2000,
    "unfolded parts": "<details><summary>Tasks</summary>\n\n- do it\n\n</details>\n\n" * 1100,
    "emoji": "\U0001f680\U0001f3fd " * 8000,
    "one line": "a" * LONG,
    "one line of words": "add it and then test it, " * 2700,
    "dots": "." * LONG,
    "commas": "we need to " + "add a, " * 9000,
    "consequences": "it is slow, so " * 4400,
    "colons": "a: " * 20_000,
    "dashes": "a - " * 16_000,
    "courtesies": "also, " * 11_000 + "could you do it?",
    "a table": "|Task|Status|\n|-|-|\n" + "|do it|open|\n" * 4800,
    "a wide table": "|" + "Task|" * 30 + "\n|" + "-|" * 30 + "\n" + ("|" + "do it|" * 30 + "\n") * 340,
    "unclosed fences": "```\n- do it\n~~~\n" * 4400,
    "stars": "*" * LONG,
    "emphasis": "**a** _b_ *c " * 5000,
    "underscores": "_a" * (LONG // 2),
    "brackets": "[" * (LONG // 2) + "]" * (LONG // 2),
    "brackets in an item": "- fix it " + "(see #1) " * 7000,
    "numbered within a line": "we (1) add it, (2) test it, " * 2400,
    "numbered with points": "1.1 do it\n1.2 test it\n" * 3000,
    "arrows": "- it is slow -> do it\n" * 3000,
    "short lines before lists": "Part\n- do it\n\n" * 4300,
    "numbers of tickets": "- fix it " + "#1, " * 16_000,
    "backticks": "".join("`" * n + "a" for n in range(360)),
    "HTML": "<div><p>do it</p></div>\n" * 2600,
    "HTML nested": "<div>" * 13_000,
    "links": "- [do it](http://x.y/z) " * 2700,
    "links unfinished": "[a](b" * 13_000,
    "definitions": "[a]: http://x\n" * 4600,
    "escapes": "\\*" * (LONG // 2),
}


@pytest.mark.parametrize("most", [1, 40, 500])
@pytest.mark.parametrize("text", [pytest.param(text[:LONG], id=name) for name, text in WORST.items()])
def test_any_text_is_planned_in_time(text: str, most: int):
    started = time.process_time()
    plan = plan_text("Do it", text, strategy="hierarchical", max_tasks=most)
    assert time.process_time() - started < LONGEST
    assert 1 <= len(plan.items) <= most
