import subprocess
import sys

import pytest
from corpus_report import cases, judge, planned, share, total
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_runtime_tasks import Plan, check_plan
from agent_runtime_tasks.planning import plan_text

STRATEGIES = ("sequential", "parallel", "hierarchical")
KIB_64 = 65_536


def titles(plan: Plan) -> list[str]:
    return [item.title for item in plan.items]


def everything(plan: Plan) -> str:
    return "\n".join(f"{item.title}\n{item.description}" for item in plan.items)


@pytest.mark.parametrize("held_back", [False, True], ids=["tuned on", "held back"])
def test_the_corpus_is_read_as_a_sensible_reader_reads_it(held_back: bool):
    score = total(held_back)
    assert share(score.recall) >= 0.95, score.faults
    assert share(score.precision) >= 0.90, score.faults
    assert share(score.order) >= 0.95, score.faults
    assert share(score.nesting) >= 0.95, score.faults
    assert score.forbidden == 0, score.faults


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in cases()])
def test_no_goal_of_the_corpus_is_misread_altogether(case: dict[str, object]):
    plan = planned(case)
    assert share(judge(case, plan).recall) >= 0.6
    assert_sound(plan)


def assert_sound(plan: Plan, most: int = 40) -> None:
    assert check_plan(plan) == plan
    assert len(plan.items) <= most
    for item in plan.items:
        assert 1 <= len(item.title) <= 100
        assert "\n" not in item.title


HOSTILE = {
    "empty": "",
    "spaces": " " * KIB_64,
    "tabs": "\t" * KIB_64,
    "newlines": "\n" * KIB_64,
    "dots": "." * KIB_64,
    "emoji": "\U0001f680\U0001f3fd " * 8000,
    "right to left": "\u05e9\u05dc\u05d5\u05dd \u05e2\u05d5\u05dc\u05dd. " * 2000,
    "overrides": "\u202efix it\u202c " * 2000,
    "surrogates": "\ud800 do it \udfff\0",
    "dashes nested in a line": "- " * (KIB_64 // 2),
    "a thousand quotes": ">" * 1000 + " do it",
    "lazy lines in nested quotes": "> " * 30 + "a\n" * 30_000,
    "deep list": "\n".join("  " * depth + f"- write part {depth}" for depth in range(240)),
    "ten thousand items": "\n".join(f"- do {number}" for number in range(10_000))[:KIB_64],
    "headings": "# a\n" * (KIB_64 // 4),
    "setext headings": "a\n=\n" * (KIB_64 // 4),
    "unclosed fence": "```\n" + "do it\n" * 10_000,
    "unclosed comment": "<!--\n" + "- do it\n" * 8000,
    "html": "<div><p>do it</p></div>\n" * 2600,
    "wide table": "|" + "a|" * 8000 + "\n|" + "-|" * 8000 + "\n" + "|\n" * 10_000,
    "many rows": "|Task|\n|-|\n" + "|do it|\n" * 8000,
    "wall of text": "we should move it and then " * 2400,
    "no spaces": "a" * KIB_64,
    "stars": "*a " * 20_000,
    "brackets": "[" * KIB_64,
    "backticks": "".join("`" * n + "a" for n in range(360)),
    "then": "do a, then " * 6000,
    "ends after a list": "- do it\n" * 4000 + "\nOnce all of these are done, ship it. Finally, sell it." * 600,
    "lists and ends": "- do it\n- do that\n\nOnce both are done, ship it.\n\n" * 1100,
    "links only": "- https://example.com/a\n- ![x](y.png)\n- <br>\n",
    "images and a heading": "# ![x](y)\n\n- ![a](b)\n",
}


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("text", [pytest.param(text, id=name) for name, text in HOSTILE.items()])
def test_any_text_becomes_a_sound_plan(text: str, strategy: str):
    assert_sound(plan_text("Do the work", text, strategy=strategy))


_PIECES = st.sampled_from(
    [
        "- ",
        "* ",
        "1. ",
        "> ",
        "# ",
        "## ",
        "```\n",
        "|",
        "|a|b|\n|-|-|\n",
        "\n",
        "\n\n",
        "  ",
        "    ",
        "[ ] ",
        "[x] ",
        "**",
        "`",
        "<div>",
        "<!--",
        "http://a.b",
        "![i](j)",
        "do it",
        "First, ",
        "Then ",
        "before ",
        "after ",
        "and ",
        "fix the bug",
        "we need to test it",
        "Out of scope",
        ":",
        ".",
        "not ",
        "\u2022 ",
        "\u2705 ",
        "\u8a2d\u8a08\u3059\u308b\u3002",
        "~~",
        "(needs 1)",
        "Phase 2: ",
        "# Background\n",
        "Once all of that is done, ",
    ]
)
_TEXTS = st.one_of(st.text(max_size=300), st.lists(_PIECES, max_size=40).map("".join))


@settings(max_examples=60, deadline=None)
@given(name=_TEXTS, text=_TEXTS, strategy=st.sampled_from(STRATEGIES), most=st.integers(1, 12))
def test_any_text_becomes_a_sound_plan_and_always_the_same(name: str, text: str, strategy: str, most: int):
    plan = plan_text(name, text, strategy=strategy, max_tasks=most)
    assert_sound(plan, most)
    assert plan_text(name, text, strategy=strategy, max_tasks=most) == plan


@settings(max_examples=25, deadline=None)
@given(
    tree=st.recursive(st.just([]), lambda below: st.lists(below, min_size=1, max_size=4), max_leaves=30),
    strategy=st.sampled_from(STRATEGIES),
    most=st.integers(1, 20),
)
def test_what_does_not_fit_is_folded_and_never_dropped(tree: list[object], strategy: str, most: int):
    lines: list[str] = []

    def write(nodes: list[object], depth: int) -> None:
        for node in nodes:
            lines.append("  " * depth + f"- build part{len(lines)}x")
            write(node, depth + 1)  # type: ignore[arg-type]

    write(tree, 0)
    plan = plan_text("Goal", "\n".join(lines), strategy=strategy, max_tasks=most)
    assert_sound(plan, most)
    for number in range(len(lines)):
        assert f"part{number}x" in everything(plan)


def test_what_does_not_fit_goes_to_the_sibling_before_it():
    text = "\n".join(f"- write chapter {number}" for number in range(1, 8))
    plan = plan_text("Book", text, strategy="parallel", max_tasks=3)
    assert titles(plan) == ["Write chapter 1", "Write chapter 2", "Write chapter 3"]
    assert plan.items[2].description.splitlines()[-4:] == [f"- write chapter {number}" for number in range(4, 8)]


def test_a_full_description_hands_what_does_not_fit_to_the_one_before():
    long = "word " * 12_900
    text = f"- write one\n- write two\n\n  {long}\n" + "".join(f"- write it {n} {'y' * 90}\n" for n in range(30))
    plan = plan_text("Goal", text, strategy="parallel", max_tasks=2)
    assert_sound(plan, 2)
    assert all(f"write it {number} " in everything(plan) for number in range(30))


def test_sequential_parallel_and_hierarchical_differ_in_order_and_grouping():
    text = "- Research the market\n- Build the app\n- Test the app\n- Publish the app\n"
    sequential = plan_text("App", text, strategy="sequential")
    assert [item.depends_on for item in sequential.items] == [(), ("1",), ("2",), ("3",)]
    parallel = plan_text("App", text, strategy="parallel")
    assert [item.depends_on for item in parallel.items] == [()] * 4
    hierarchical = plan_text("App", text, strategy="hierarchical")
    assert [item.parent for item in hierarchical.items] == [None, "1", None, "2", None, "3", None, "4"]
    assert all(not item.depends_on for item in hierarchical.items)


@pytest.mark.parametrize("strategy", ["parallel", "hierarchical"])
@pytest.mark.parametrize(
    "said",
    [
        "After both are done, run all checks and deploy the site.",
        "Once all of that is finished, run all checks. Then deploy the site.",
        "When these are merged, run all checks and then deploy the site.",
        "Afterwards, run all checks and deploy the site.",
        "Run all checks and deploy the site as soon as both are merged.",
    ],
)
@pytest.mark.parametrize("stated", ["- Merge it\n- Tag it\n", "|Task|\n|-|\n|Merge it|\n|Tag it|\n"])
def test_what_a_text_asks_for_after_its_list_waits_for_the_list(stated: str, said: str, strategy: str):
    plan = plan_text("Release", f"{stated}\n{said}\n", strategy=strategy)
    by_title = {item.title: item for item in plan.items}
    by_key = {item.key: item for item in plan.items}

    def before(key: str) -> set[str]:
        return {title for need in by_key[key].depends_on for title in (by_key[need].title, *before(need))}

    assert before(by_title["Merge it"].key or "") == set()
    assert before(by_title["Tag it"].key or "") == set()
    assert before(by_title["Run all checks"].key or "") == {"Merge it", "Tag it"}
    assert before(by_title["Deploy the site"].key or "") >= {"Merge it", "Tag it"}


def test_the_only_heading_on_top_swallows_nothing_though_it_is_called_background():
    text = (
        "# Background\n\nWe do it by hand.\n\n## Sign-up\n\n- Ask for a name\n- Send a mail\n\n## Risks\n\n- Add lag\n"
    )
    plan = plan_text("Guests", text, strategy="parallel")
    assert titles(plan) == ["Work on sign-up", "Ask for a name", "Send a mail"]


def test_what_says_that_it_is_work_is_read_below_a_background_and_not_below_what_is_out_of_scope():
    inner = "### Known issues\n\n- The disk is full\n\n### Next steps\n\n- Add a disk\n- Rotate the logs\n"
    text = f"## Plan\n\n- Order a disk\n- Buy a rack\n\n## %s\n\n{inner}"
    plan = plan_text("Disks", text % "Background", strategy="parallel")
    assert titles(plan)[-2:] == ["Add a disk", "Rotate the logs"]
    assert "The disk is full" not in everything(plan)
    plan = plan_text("Disks", text % "Out of scope", strategy="parallel")
    assert titles(plan) == ["Order a disk", "Buy a rack"]


def test_the_description_keeps_code_and_the_text_as_it_was_written():
    text = (
        "1. Generate a key:\n\n   ```sh\n   keygen -t ed25519\n   ```\n\n"
        "2. Upload **it** to [the vault](https://vault.example)\n"
    )
    first, second = plan_text("Rotate", text, strategy="sequential").items
    assert (first.title, second.title) == ("Generate a key", "Upload it to the vault")
    assert "keygen -t ed25519" in first.description
    assert second.description == "Upload **it** to [the vault](https://vault.example)"


def test_importing_the_library_does_not_import_the_parser():
    code = "import sys, agent_runtime_tasks; print('markdown_it' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "False\n"


def test_an_unknown_strategy_and_no_room_are_refused():
    with pytest.raises(ValueError, match="random"):
        plan_text("Goal", "", strategy="random")
    with pytest.raises(ValueError, match="max_tasks is 0"):
        plan_text("Goal", "", strategy="parallel", max_tasks=0)


def test_criteria_that_do_not_fit_stay_in_the_description():
    listed = "".join(f"- page{number}x loads\n" for number in range(60)) + f"- {'long ' * 600}end\n"
    [item] = plan_text("Site", f"- Build the site\n\n## Acceptance criteria\n\n{listed}", strategy="parallel").items
    assert item.acceptance_criteria == tuple(f"page{number}x loads" for number in range(50))
    assert all(f"- page{number}x loads" in item.description for number in range(50, 60))
    assert item.description.endswith("long end")


def test_a_name_that_is_a_verb_alone_is_one_task():
    assert titles(plan_text("Automate", "", strategy="parallel")) == ["Automate"]


@pytest.mark.parametrize(
    ("written", "title"),
    [
        ("Store the keys (#623)", "Store the keys"),
        ("Label the icons - #77", "Label the icons"),
        ("Add retries (closes #3, #4)", "Add retries"),
        ("Verify assertions, see [the guide](https://example.org/g)", "Verify assertions"),
        ("Raise the contrast \u2192 [report p. 4](https://example.org/r)", "Raise the contrast"),
        ("Make the picker usable (@lee) **high**", "Make the picker usable"),
        ("Draw the map ([docs](https://example.org/d))", "Draw the map"),
        ("Emit one event (editors write a file and rename it)", "Emit one event"),
        ("Set the level to **high**", "Set the level to high"),
        ("Upload it to [the vault](https://example.org/v)", "Upload it to the vault"),
        ("Ask @lee", "Ask @lee"),
        ("Look at #33", "Look at #33"),
        ("Let users see where they are", "Let users see where they are"),
    ],
)
def test_a_title_does_not_end_in_what_only_points_elsewhere(written: str, title: str):
    first, _ = plan_text("Goal", f"- {written}\n- Add a test\n", strategy="parallel").items
    assert first.title == title
    assert first.description in ("", written)


def test_what_is_unfolded_in_html_is_read_by_its_summary():
    text = (
        "- Add a button\n\n<details>\n<summary>Out of scope</summary>\n\n- Paint it\n\n</details>\n\n"
        "<details><summary><b>Tasks</b></summary>\n\n- [ ] Write it\n- [x] Plan it\n\n</details>\n\nThen tell Bob.\n"
    )
    assert titles(plan_text("Button", text, strategy="parallel")) == ["Add a button", "Write it", "Tell Bob"]


@pytest.mark.parametrize("level", ["##", "###"])
def test_what_blocks_the_work_is_no_work(level: str):
    text = (
        f"## Tasks\n\n- Add a button\n- Test the button\n\n{level} Dependencies\n\nBlocked by #12 and the new login.\n"
    )
    assert titles(plan_text("Button", text, strategy="parallel")) == ["Add a button", "Test the button"]


def test_named_parts_below_a_scope_are_work_where_their_lists_ask_for_something():
    text = (
        "## Scope\n\n### Backend\n\n- Add an endpoint\n- Remove the old one\n\n### Users\n\n- Drivers\n- Clerks\n\n"
        "## Next steps\n\n- Ask Bob\n"
    )
    assert titles(plan_text("Trips", text, strategy="parallel"))[1:] == [
        "Add an endpoint",
        "Remove the old one",
        "Ask Bob",
    ]


def test_numbers_of_chapters_are_no_order_and_those_of_steps_are():
    steps = "## 1. Fetch the data\n\nAs ever.\n\n## 2. Clean the data\n\nAs ever.\n"
    assert [item.depends_on for item in plan_text("Data", steps, strategy="parallel").items] == [(), ("1",)]
    chapters = "## 1 Overview\n\nData.\n\n## 2 Fetching\n\n- Add a\n- Add b\n\n## 3 Cleaning\n\n- Drop c\n- Drop d\n"
    assert all(not item.depends_on for item in plan_text("Data", chapters, strategy="parallel").items)


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("most", [2, 3, 40])
def test_what_has_no_room_in_its_group_is_kept_elsewhere(strategy: str, most: int):
    lines = [f"- {verb} the widget{number}x\n" for number in range(800) for verb in ("Add", "Test", "Announce")]
    text = "".join(lines)[:KIB_64]
    plan = plan_text("Widgets", text, strategy=strategy, max_tasks=most)
    assert_sound(plan, most)
    assert [number for number in range(780) if f"widget{number}x" not in everything(plan)] == []


@pytest.mark.parametrize("most", [1, 2, 3])
def test_what_has_no_room_in_any_description_is_pointed_to(most: int):
    text = "\n".join(f"- Do with {'some care ' * 5}the thing {number}" for number in range(2000))[:KIB_64]
    plan = plan_text("Do it", text, strategy="parallel", max_tasks=most)
    assert len(plan.items) == most
    whole = everything(plan)
    lost = [line for line in text.splitlines() if line.removeprefix("- ").strip() not in whole]
    assert not lost or plan.items[-1].description.endswith("(The rest stands in the description of the goal.)")
    assert all(len(item.description.encode()) <= KIB_64 for item in plan.items)


def test_a_text_that_fits_is_not_said_to_go_on_elsewhere():
    text = "\n".join(f"- Do thing {number}" for number in range(200))
    assert "The rest stands" not in everything(plan_text("Do it", text, strategy="parallel", max_tasks=1))


def test_an_order_among_names_of_things_keeps_its_verb():
    plan = plan_text("After it", "- Release notes\n- Watch error rates\n- Blog post", strategy="parallel")
    assert titles(plan)[1] == "Watch error rates"


def test_steps_numbered_within_a_sentence_follow_each_other():
    text = "We do this in order: (1) add the wrapper, (2) convert the calls and (3) remove the dependency."
    plan = plan_text("Replace it", text, strategy="parallel")
    assert titles(plan) == ["Add the wrapper", "Convert the calls", "Remove the dependency"]
    assert [item.depends_on for item in plan.items] == [(), ("1",), ("2",)]


def test_items_numbered_with_points_lie_below_those_that_they_belong_to():
    text = "1. Venue\n1.1 Visit the hall\n1.2 Sign the contract\n2. Speakers\n2.1 Invite two\n2.2 Book flights"
    plan = plan_text("Summer fair", text, strategy="hierarchical")
    assert [item.parent for item in plan.items] == [None, "1", "1", None, "2", "2"]


@pytest.mark.parametrize("text", ["We ship 3.1 in May.\n3.2 follows later.", "1.5 million rows\n1.7 million rows"])
def test_numbers_that_count_nothing_make_no_list(text: str):
    assert all(item.parent is None for item in plan_text("", text, strategy="parallel").items)


def test_the_title_of_a_folded_item_is_kept_with_its_notes():
    text = "- Add the export\n- Test the import\n  - see the manual\n- Tell the users\n  - only those who asked"
    description = plan_text("Exports", text, strategy="parallel", max_tasks=1).items[0].description
    assert [part in description for part in ("Test the import", "see the manual", "Tell the users")] == [True] * 3


@pytest.mark.parametrize("text", ["We do: (1) (2) add it", "Do (1) add it, (2)", "(1) , (2) , (3) test it."])
def test_numbers_without_a_step_are_passed_over(text: str):
    assert len(plan_text("It", text, strategy="parallel").items) >= 1
