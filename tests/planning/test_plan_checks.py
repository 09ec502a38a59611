import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_runtime_tasks import InvalidPlan, Plan, PlannedTask, check_plan


def faults(items: object) -> tuple[str, ...]:
    with pytest.raises(InvalidPlan) as caught:
        check_plan(items)
    return caught.value.faults


def test_a_title_is_enough():
    assert check_plan([{"title": " Write\nit "}]) == Plan(items=(PlannedTask(title="Write it"),))


def test_all_fields_are_taken_over_and_null_counts_as_omitted():
    items = [
        {"key": "a", "title": "A", "parent": None, "depends_on": None},
        {
            "key": "b",
            "title": "B",
            "description": "at length",
            "depends_on": ["a", "a"],
            "priority": 9,
            "acceptance_criteria": ["it works"],
        },
    ]
    b = PlannedTask(
        key="b", title="B", description="at length", depends_on=("a",), priority=9, acceptance_criteria=("it works",)
    )
    assert check_plan(items).items == (PlannedTask(key="a", title="A"), b)


def test_a_checked_plan_passes_again_and_keeps_its_kind():
    plan = Plan(items=(PlannedTask(key="a", title="A"), PlannedTask(title="B", parent="a")), kind="bug")
    assert check_plan(plan) == plan
    assert check_plan(plan.items) == Plan(items=plan.items)


def test_all_faults_of_an_item_are_told_at_once_with_the_nearest_field():
    items = [{"id": "api", "dependencies": ["db"], "priority": 11, "xyzzy": 1}, {"key": "db", "title": "Set up"}]
    assert faults(items) == (
        "'api': unknown field 'id' (the field is key), unknown field 'dependencies' (the field is depends_on), "
        "priority is 11; it must be at least 1 and at most 10, unknown field 'xyzzy', title is missing",
    )


@pytest.mark.parametrize(
    ("wrong", "right"),
    [("dependsOn", "depends_on"), ("depend_on", "depends_on"), ("name", "title"), ("prioirty", "priority")],
)
def test_misspelt_fields_are_told_their_right_name(wrong: str, right: str):
    assert f"unknown field {wrong!r} (the field is {right})" in faults([{"title": "A", wrong: "x"}])[0]


def test_a_key_under_a_wrong_name_is_not_told_again_where_it_is_used():
    assert faults([{"id": "a", "title": "A"}, {"key": "b", "title": "B", "depends_on": ["a"]}]) == (
        "'a': unknown field 'id' (the field is key)",
    )


def test_unknown_keys_are_told_with_the_nearest():
    items = [{"key": "schema", "title": "A"}, {"title": "B", "depends_on": ["shema"], "parent": "nobody"}]
    assert faults(items) == (
        "item 1: depends_on names 'shema', which no item has as its key (the nearest key is 'schema'), "
        "parent names 'nobody', which no item has as its key",
    )


def test_duplicate_keys_are_told_for_each_item():
    items = [{"key": "a", "title": "A"}, {"key": "a", "title": "B"}]
    assert faults(items) == ("'a': key is that of 2 items", "'a': key is that of 2 items")


def test_a_cycle_names_its_path():
    items = [{"key": key, "title": key, "depends_on": [need]} for key, need in ("ab", "bc", "ca")]
    assert faults(items) == ("'a': waits for itself: 'a' > 'b' > 'c' > 'a'",)


def test_a_cycle_is_told_beside_other_faults():
    items = [{"key": "a", "title": "", "depends_on": ["b"]}, {"key": "b", "title": "B", "depends_on": ["a"]}]
    assert faults(items) == ("'a': title must not be empty, waits for itself: 'a' > 'b' > 'a'",)


def test_a_group_waits_for_its_children():
    items = [
        {"key": "group", "title": "G", "depends_on": ["x"]},
        {"key": "child", "title": "C", "parent": "group"},
        {"key": "x", "title": "X", "depends_on": ["child"]},
    ]
    assert faults(items) == ("'group': waits for itself: 'group' > 'x' > 'child' > 'group'",)


def test_an_item_depends_neither_on_itself_nor_on_its_ancestor():
    assert faults([{"key": "a", "title": "A", "depends_on": ["a"]}]) == ("'a': depends on itself",)
    items = [
        {"key": "g", "title": "G"},
        {"key": "h", "title": "H", "parent": "g"},
        {"key": "c", "title": "C", "parent": "h", "depends_on": ["g"]},
    ]
    assert faults(items) == ("'c': depends on 'g', the group that it stands in, which waits for it",)


def test_groups_in_a_circle_are_told():
    items = [{"key": "a", "title": "A", "parent": "b"}, {"key": "b", "title": "B", "parent": "a"}]
    assert faults(items) == ("'a': stands under itself: a > b > a", "'b': stands under itself: b > a > b")


def test_groups_nest_to_a_depth_of_sixteen():
    chain = [{"key": str(n), "title": "A", "parent": str(n - 1) if n else None} for n in range(17)]
    assert len(check_plan(chain).items) == 17
    assert faults([*chain, {"key": "17", "title": "A", "parent": "16"}]) == (
        "'17': stands under 17 groups; at most 16 are kept",
    )


@pytest.mark.parametrize("items", [None, 3, "plan", {"title": "A"}, [], [{"title": "A"}] * 501, ["A"], [None]])
def test_what_is_no_plan_is_refused(items: object):
    assert len(faults(items)) == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"title": "x" * 501},
        {"title": "  "},
        {"description": "x" * 65_537},
        {"acceptance_criteria": ["x"] * 51},
        {"acceptance_criteria": ["x" * 2049]},
        {"acceptance_criteria": "x"},
        {"priority": True},
        {"priority": 0},
        {"depends_on": "b"},
        {"key": 1},
        {"title": "NUL \0"},
    ],
)
def test_limits_are_kept(fields: dict[str, object]):
    assert len(faults([{"title": "A"} | fields])) == 1


def test_order_puts_parents_before_their_children_and_keeps_the_rest():
    items = [
        {"key": "leaf", "title": "leaf", "parent": "mid"},
        {"title": "alone"},
        {"key": "mid", "title": "mid", "parent": "top"},
        {"key": "top", "title": "top"},
    ]
    assert [item.title for item in check_plan(items).order()] == ["top", "mid", "leaf", "alone"]


_KEYS = st.sampled_from("abcdef")
_ITEMS = st.lists(
    st.fixed_dictionaries(
        {"key": _KEYS, "title": st.just("T")},
        optional={"depends_on": st.lists(_KEYS, max_size=3), "parent": _KEYS},
    ),
    min_size=1,
    max_size=6,
)


@given(_ITEMS)
def test_what_passes_can_be_worked_off(items: list[dict[str, object]]):
    try:
        plan = check_plan(items)
    except InvalidPlan:
        return
    above = {item.key: item.parent for item in plan.items}
    needs = {item.key: item.depends_on for item in plan.items}
    done: set[str | None] = set()
    while len(done) < len(plan.items):
        ready = [
            key
            for key in above
            if key not in done
            and all(child in done for child in above if above[child] == key)
            and all(need in done for each in _line(key, above) for need in needs[each])
        ]
        assert ready
        done.update(ready)


def _line(key: str | None, above: dict[str | None, str | None]) -> list[str | None]:
    line = []
    while key is not None:
        line.append(key)
        key = above[key]
    return line
