"""Small plans for goals of one sentence: the steps of the kind of work, for the object of the sentence."""

import re

import attrs

from ._drafts import Draft, fit_title
from ._imperatives import capital, first_word, small
from ._kinds import KIND_OF_VERB, KINDS, REPORTED_AS
from ._openers import take_opener
from ._requests import Ask, read_request
from ._words import BASE_OF_GERUND, HEAD_VERBS, VERB_OF_NOUN, VERBS

_DOCUMENTS = re.compile(
    r"\b(?:documentation|docs?|readme|guide|guides|tutorial|manual|handbook|runbook|changelog|article|blog "
    r"post|proposal|report|specification|rfc|wiki|faq)\b",
    re.IGNORECASE,
)

_TESTS = re.compile(
    r"^(?:(?:more|unit|integration|end-to-end|e2e|regression|missing|automated|new) )*(?:tests?|test coverage"
    r"|coverage)\b",
    re.IGNORECASE,
)

_FAULTS = re.compile(
    r"\b(?:bugs?|crash(?:es|ed|ing)?|errors?|exceptions?|fails?|failing|failure|broken|leaks?|hangs?"
    r"|timeouts?|deadlock|regression|wrong|incorrect|does not work|doesn't work|not working|cannot|can't"
    r"|times out|freezes|flaky|defects?|vulnerabilit(?:y|ies)|typos?)\b",
    re.IGNORECASE,
)

_ENDS = re.compile(
    r"(?P<it>.+?)(?: (?:away |over )?from (?P<source>.+?))?(?: over)? (?:to|onto|into) (?P<to>.+)"
    r"|(?P<only>.+?) (?:away )?from (?P<away>.+)",
    re.IGNORECASE,
)

_REPLACED = re.compile(r"(?P<source>.+?) (?:with|by) (?P<to>.+)", re.IGNORECASE)
_LET = re.compile(r"(?P<who>.+?) to (?P<what>[a-z].+)", re.IGNORECASE)

_LET_BARE = re.compile(
    r"(?P<who>(?:(?:the|all|our|new|registered|an?|any|every) )?(?:[\w-]+ )??[\w-]+?s?) (?P<what>(?:"
    + "|".join(sorted(VERBS, key=lambda verb: (-len(verb), verb)))
    + r"|log|see|view|sign)\b.+)",
    re.IGNORECASE,
)

_TARGET = re.compile(
    r" (?:below|under|above|over|to|by|from|at least|at most|within) (?=(?:about |at least |at most |less "
    r"than |more than |under |below )?[0-9]).*| by (?:half|a third|a quarter)\b.*",
    re.IGNORECASE,
)

_ASIDE = re.compile(
    r"(?P<clause>,| (?:when|while|after|before|because|so that|so|if|that|which|who|until|since)\b| \()"
    r"| (?:for|in|on|at|with|without|using|via|from|during|as|to|by|like|such as|under|between)\b",
    re.IGNORECASE,
)

_PARTICLE = re.compile(r"(?:up|out|down|off|over|in|on|into|through|away)\s+", re.IGNORECASE)
# A complaint reports a fault.
_REPORTED = re.compile(
    r"(?:(?:some|many|several|a few|our) )?(?:users|customers|people|clients|colleagues|testers|we|support)(?: \w+ly)? "
    r"(?:(?:have|has|are|is) )?(?:report|complain|notic|observ|see|find)(?:s|e|es|ed|ing)?(?: that)? (?=\S+ \S+ \S)",
    re.IGNORECASE,
)
_LONGEST_OBJECT = 60
_SHORT_OBJECT = 45


@attrs.frozen
class SmallPlan:
    """The phases of a goal of one sentence, each a draft with its steps."""

    kind: str
    phases: tuple[Draft, ...]


def plan_sentence(sentence: str, english: bool = True) -> SmallPlan:
    """Plan the work that one sentence asks for, or the answer to its question.

    Args:
        sentence: plain text.
        english: whether it can be understood. Otherwise it becomes one task as it stands.
    """
    if not english:
        return _as_it_stands(sentence)
    kind, parts = _understood(sentence)
    phases = []
    for name, steps in KINDS[kind]:
        titles = [_filled(step, parts) for step in steps if _fits(step, parts)]
        if titles:
            phases.append(Draft(_filled(name, parts), children=[Draft(title) for title in dict.fromkeys(titles)]))
    if not phases:  # a verb alone, such as "Automate"
        return _as_it_stands(sentence)
    return SmallPlan(REPORTED_AS.get(kind, kind), tuple(phases))


def _as_it_stands(sentence: str) -> SmallPlan:
    return SmallPlan("other", (Draft("", children=[Draft(fit_title(sentence))]),))


def _understood(sentence: str) -> tuple[str, dict[str, str]]:
    if sentence.endswith("?"):
        asked = _asked(sentence.rstrip("? "))
        return "question", {"verb": "answer", "whole": asked, "it": asked, "do": f"answer {asked}"}
    sentence = take_opener(sentence)[1]
    if reported := _REPORTED.match(sentence):
        whole = f"the problem that {sentence[reported.end() :].strip(' .!')}"
        it = whole if len(whole) <= _LONGEST_OBJECT else "the problem"
        return "bug", {"verb": "fix", "whole": whole, "it": it, "do": f"fix {whole}"}
    reading = read_request(sentence, "")
    text = small(reading.title) if reading.ask in (Ask.REQUEST, Ask.PHRASE) else sentence
    verb = first_word(text)
    known = verb in KIND_OF_VERB and (reading.ask is Ask.REQUEST or verb in BASE_OF_GERUND.values())
    if not known or (reading.ask is Ask.PHRASE and verb in HEAD_VERBS.values()):
        return _named(sentence, reading.ask)
    rest = text[len(verb) :].strip()
    particle = _PARTICLE.match(rest)
    if particle:
        rest = rest[particle.end() :]
    kind = KIND_OF_VERB[verb]
    parts = {
        "verb": f"{verb} {particle[0].strip()}" if particle else verb,
        "whole": rest,
        "do": text,
        "it": _object(rest),
    }
    return _refined(kind, verb, rest, parts)


def _asked(question: str) -> str:
    """Word a question as something to find out."""
    should = re.match(
        r"(?:should|shall|can|could|do|must) (?:we|I|you) (?:need to |have to |want to "
        r")?(.+)",
        question,
        re.IGNORECASE,
    )
    if should:
        return f"whether to {should[1]}"
    return (
        small(question)
        if first_word(question) in ("why", "how", "what", "which", "who", "where", "when")
        else f"the question: {question}"
    )


def _refined(kind: str, verb: str, rest: str, parts: dict[str, str]) -> tuple[str, dict[str, str]]:
    """Refine the kind of work by its object: "add documentation" is not a feature."""
    if kind == "question" or rest.split(" ", 1)[0].lower() in (
        "why",
        "how",
        "whether",
        "what",
        "which",
        "who",
        "where",
        "when",
        "if",
    ):
        if rest.split(" ", 1)[0].lower() in ("why", "how", "whether", "what", "which", "who", "where", "when"):
            return "question", parts
        return "research", parts
    if kind in ("feature", "replacement", "improvement") and _TESTS.match(rest):
        topic = re.sub(r"^.*?\b(?:for|of|to) ", "", rest)
        return "testing", parts | {"whole": topic, "it": _object(topic)}
    if kind in ("feature", "replacement", "improvement") and _DOCUMENTS.search(parts["it"]):
        return "document", parts
    if kind == "migration" and (ends := _ENDS.fullmatch(rest.removeprefix("from "))):
        it = ends["it"] or ends["only"]
        source = ends["source"] or ends["away"] or ""
        return "migration", parts | {"it": _object(it), "whole": it, "to": ends["to"] or "", "source": source}
    if verb in ("replace", "swap") and (replaced := _REPLACED.fullmatch(rest)):
        source, to = replaced["source"], replaced["to"]
        return "replacement", parts | {"it": _object(source), "whole": source, "to": to}
    if kind == "migration":
        return "replacement", parts
    if kind == "permission":
        let = _LET.fullmatch(rest) or _LET_BARE.fullmatch(rest)
        if let:
            return "permission", parts | {"who": let["who"], "what": let["what"]}
        return "feature", parts
    if kind == "feature" and verb == "make":
        return "other", parts
    if kind == "improvement":
        measured = _TARGET.sub("", rest)
        return "improvement", parts | {"it": measured[:_LONGEST_OBJECT], "whole": measured}
    if kind == "bug" and not _FAULTS.search(rest):
        return "bug", parts | {"it": f"the trouble with {parts['it']}" if len(parts["it"]) < 40 else parts["it"]}
    return kind, parts


def _named(sentence: str, ask: Ask) -> tuple[str, dict[str, str]]:
    """Understand a goal that is only named, such as "Dark mode", or that tells a fault."""
    text = small(sentence.strip(" .!?"))
    parts = {"verb": "", "whole": text, "it": _object(text), "do": f"deal with {text}"}
    if ask is Ask.REQUEST:
        return "other", parts | {"do": text, "it": _object(text.split(" ", 1)[-1])}
    if _FAULTS.search(text):
        named = HEAD_VERBS.get(text.split(" ", 1)[0].removesuffix("s")) == "fix"
        told = ask is Ask.TALK and not named
        article = (
            "" if told or text.split(" ", 1)[0].endswith("s") or text.startswith(("the ", "a ", "an ")) else "the "
        )
        if told:
            whole = f"the problem that {text}" if len(text) < _LONGEST_OBJECT else text
            return "bug", parts | {"whole": whole, "it": whole if len(whole) <= _LONGEST_OBJECT else "the problem"}
        brief = next((text[: aside.start()] for aside in _ASIDE.finditer(text) if aside["clause"]), parts["it"])
        return "bug", parts | {"whole": article + text, "it": article + brief}
    noun = parts["it"].rsplit(" ", 1)[-1].lower()
    verb = VERB_OF_NOUN.get(noun, "").split(" ")[0]
    if _DOCUMENTS.search(parts["it"]):
        return "document", parts
    if verb in KIND_OF_VERB and KIND_OF_VERB[verb] in ("research", "testing", "organisation", "release"):
        return KIND_OF_VERB[verb], parts
    if verb or ask is Ask.TALK:
        return "other", parts | {"do": f"carry out {text}" if verb else f"bring it about that {text}"}
    return "feature", parts


def _object(text: str) -> str:
    """Return a thing, without the words about it if it is long."""
    text = text.strip(" ,.;:")
    if len(text) <= _SHORT_OBJECT:
        return text
    end = len(text)
    for aside in _ASIDE.finditer(text):
        if aside["clause"] or len(text[: aside.start()].split()) >= 2:
            end = aside.start()
            break
    thing = text[:end].strip(" ,.;:")
    if len(thing) <= _LONGEST_OBJECT:
        return thing
    return thing[: thing.rfind(" ", 0, _LONGEST_OBJECT)]


def _fits(step: str, parts: dict[str, str]) -> bool:
    """Tell whether everything that a step names is known."""
    return all(parts.get(name) for name in re.findall(r"\{(\w+)\}", step))


def _filled(step: str, parts: dict[str, str]) -> str:
    return fit_title(capital(re.sub(r"\{(\w+)\}", lambda name: parts.get(name[1]) or parts["it"], step)))
