"""Groups for a flat text: by the phase of the work, or by a word that tasks share."""

import re

from ._drafts import Draft
from ._imperatives import first_word
from ._prose import word_stems

_FEWEST_TO_GROUP = 4

_PHASES = (
    ("Investigate and prepare", "analyse analyze agree ask assess choose clarify collect compare consult "
    "decide define design determine draft evaluate examine explore figure find gather identify inventory "
    "interview investigate learn list map measure outline pick plan prepare profile prototype research "
    "review scope select sketch specify study survey talk understand"),
    ("Test and verify", "audit check benchmark confirm load monitor proofread qa test try validate verify "
    "watch rehearse"),
    ("Document and roll out", "announce brief communicate deploy document enable explain hand inform invite "
    "launch notify present promote publish release report retire roll send share ship switch tell train "
    "translate update onboard teach"),
)  # fmt: skip

_PHASE_NAMES = ("Investigate and prepare", "Build and change", "Test and verify", "Document and roll out")
_PHASE_OF_VERB = {verb: name for name, verbs in _PHASES for verb in verbs.split()}
_TESTS = re.compile(r"\b(?:tests?|checks)\b", re.IGNORECASE)

_DOCS = re.compile(
    r"\b(?:documentation|docs|guide|manual|readme|changelog|release notes|announcement)\b", re.IGNORECASE
)


def grouped_by_phase_or_theme(drafts: list[Draft]) -> list[Draft]:
    """Group tasks of a flat text by the phase of the work, or else by a word that they share."""
    if len(drafts) < _FEWEST_TO_GROUP:
        return drafts
    phases: dict[str, list[Draft]] = {}
    for draft in drafts:
        phases.setdefault(_phase(draft.title), []).append(draft)
    if len(phases) > 1:
        names = [name for name in _PHASE_NAMES if name in phases]
        return [Draft(name, children=phases[name]) for name in names]
    return _by_theme(drafts)


def _phase(title: str) -> str:
    if _DOCS.search(title):
        return "Document and roll out"
    if _TESTS.search(title):
        return "Test and verify"
    return _PHASE_OF_VERB.get(first_word(title), "Build and change")


def _by_theme(drafts: list[Draft]) -> list[Draft]:
    """Group tasks that share a word, and leave the others as they are."""
    stems = [word_stems(draft.title.removeprefix("Take care of").split(" ", 1)[-1]) for draft in drafts]
    grouped: list[Draft] = []
    taken: set[int] = set()
    for place, draft in enumerate(drafts):
        if place in taken:
            continue
        best, shared = [place], ""
        for stem in sorted(stems[place]):
            same = [other for other in range(len(drafts)) if other not in taken and stem in stems[other]]
            if len(best) < len(same) < len(drafts):
                best, shared = same, stem
        if len(best) > 1:
            taken.update(best)
            grouped.append(
                Draft(f"Work on {_word_of(shared, draft.title)}", children=[drafts[other] for other in best])
            )
        else:
            taken.add(place)
            grouped.append(draft)
    return grouped if any(draft.children for draft in grouped) and len(grouped) > 1 else drafts


def _word_of(stem: str, title: str) -> str:
    return next((word for word in re.findall(r"\w+", title)[1:] if word.lower().startswith(stem)), stem)
