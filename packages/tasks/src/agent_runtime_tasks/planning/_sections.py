"""Headings, and lines that lead into a list: the role that they give the text under them."""

import re
from enum import StrEnum
from functools import lru_cache

import attrs


class Role(StrEnum):
    """The role of a section's content in the plan."""

    SKIP = "skip"  # says that it is not work
    CONTEXT = "context"  # tells the reasons for the work: only a part that says so is work
    ASIDE = "aside"  # is seldom work: only express requests are
    TALK = "talk"  # speaks about the work: it is read when nothing else is found
    BEFORE = "before"  # tells the conditions for the work: only express requests are work
    CRITERIA = "criteria"  # tells how to see that the work is done
    WORK = "work"  # says only that it is work
    THEME = "theme"  # names a part of the work


# The text under such a heading, or after such a line, is not work by itself.
NOT_WORK = (Role.SKIP, Role.CONTEXT)

_NAMES = {
    Role.SKIP: """
        non goals|no goals|not goals|out of scope|not in scope|scope exclusions|exclusions|excluded|wont do|wont fix|
        will not do|not planned|not included|not part of this|what we will not do|what we are not doing|not doing|
        explicitly not|no go|no gos|prior art|previous work|related|related work|related issues|related prs|
        related tickets|related links|see also|further reading|reference|references|reference material|links|
        useful links|resources|reading list|sources|bibliography|appendix|reproduction|reproduction steps|repro|
        repro steps|steps to repro|to reproduce|steps to reproduce|how to reproduce|reproduce|reproducing|
        to reproduce the issue|steps to reproduce the behavior|steps to reproduce the behaviour|minimal reproduction|
        minimal reproducible example|expected|expected behavior|expected behaviour|expected result|expected results|
        expected outcome|what did you expect|what did you expect to happen|actual|actual behavior|actual behaviour|
        actual result|actual results|observed|what should happen|what should happen instead|observed behavior|
        observed behaviour|current behavior|current behaviour|what happened|what happens|kudos|shoutouts|
        lessons learned|learnings|rejected|declined|discarded|symptoms|observations|passed|what works|not affected|
        unaffected|environment information|your environment|system info|system information|log output|
        relevant log output|error message|error log|stack trace|stacktrace|traceback|backtrace|console output|
        table of contents|contents|toc|on this page|in this document|glossary|definitions|terminology|abbreviations|
        acronyms|change history|revision history|document history|version history|done|already done|implemented|merged|
        completed|finished|closed|completed tasks|completed work|done so far|what is done|shipped|resolved|alternatives|
        alternatives considered|considered alternatives|other options|options considered|rejected alternatives|
        rejected ideas|rejected options|discarded ideas|describe alternatives you have considered|
        describe alternatives youve considered|risks|risk|risk assessment|risks and mitigations|known risks|threats|
        assumptions|limitations|known limitations|rollback|rollback plan|rollback steps|rollback procedure|roll back|
        backout|backout plan|back out plan|contingency|contingency plan|fallback|fallback plan|in case of failure|
        if something goes wrong|abort criteria|faq|frequently asked questions|questions|open questions|
        unresolved questions|unknowns|success metrics|kpis|kpi|key figures|key metrics|key results|measures of success|
        attendees|present|apologies|absent|license|licence|thanks|acknowledgements|acknowledgments|credits|root cause|
        root causes|cause|causes|pros|cons|pros and cons|advantages|disadvantages|trade offs|tradeoffs|business value|
        drawbacks|findings so far|disclaimer|later|future|future work|future ideas|future considerations|parking lot|
        someday|deferred|postponed|ideas for later|not now|code of conduct|nicht ziele|nichtziele|ausserhalb|außerhalb|
        außerhalb des umfangs|nicht im umfang|nicht enthalten|abgrenzung|referenzen|verweise|quellen|anhang|erledigt|
        fertig|risiken|offene fragen|fragen|hors périmètre|hors perimetre|hors champ|hors scope|non objectifs|
        références|annexes|terminé|fait|risques|questions ouvertes|fuera de alcance|fuera del alcance|no objetivos|
        referencias|hecho|riesgos|fora do escopo|não objetivos|fuori ambito|riferimenti|buiten scope|
        対象外|範囲外|スコープ外|参考|
        参考資料|完了|用語|不做|范围外|범위 외
        """,
    Role.CONTEXT: """
        background|background information|context|background and context|context and background|motivation|rationale|
        history|changelog|change log|current state|current situation|status quo|as is|hintergrund|ausgangslage|kontext|
        contexte|contexto|antecedentes|contesto|achtergrond|背景|背景信息|배경
        """,
    Role.ASIDE: """
        full output|click to expand|show more|expand|created|updated|last updated|last edited|date|due|due date|
        deadline|sprint|component|components|os|browser|reported by|reporter|assignee|assigned to|approved by|epic link|
        type|tags|category|app version|device model|frequency|additional context|additional information|
        additional notes|affected|affected systems|affected users|affected versions|anything else|approvers|
        architecture|architecture overview|attachments|audience|author|authors|benefits|budget|calendar|calendrier|
        conclusion|conclusions|constraints|contact|contacts|cost|costs|current architecture|customers|
        data model overview|dates|dependencies|device|discussion|effort|environment|estimate|estimates|example|examples|
        figures|further information|guidelines|how it works|important dates|key dates|kosten|labels|log|logs|metrics|
        when|where|more information|numbers|other information|output|owner|owners|people|persona|personas|platform|
        price|participants|principles|priority|recordings|recovery|related links|results|reviewers|roles|sample|samples|
        schedule|screenshot|screenshots|severity|stakeholders|state|statistics|status|supported browsers|
        supported versions|target audience|target group|target users|team|tech stack|technologies|technology|teilnehmer|
        termine|terms|the team|time frame|timeframe|timeline|timelines|tools|troubleshooting|users|value|version|
        versions|videos|who|zeitplan
        """,
    Role.TALK: """
        consequences|impact|scope|in scope|summary|description|overview|introduction|intro|abstract|tldr|tl dr|purpose|
        objective|objectives|goal|goals|aim|aims|vision|mission|executive summary|problem|problem statement|the problem|
        issue|the issue|bug|describe the bug|bug description|problem description|
        is your feature request related to a problem|is your feature request related to a problem please describe|
        use case|use cases|why|question|research question|research questions|hypothesis|hypotheses|notes|note|comments|
        remarks|hints|hint|tips|decision|about|idea|the idea|proposal summary|user need|opportunity|hinweise|hinweis|
        zusammenfassung|ziel|ziele|zweck|beschreibung|überblick|einleitung|problemstellung|résumé|objectif|objectifs|
        remarques|resumen|objetivo|objetivos|notas|概要|目的|目標|備考
        """,
    Role.BEFORE: """
        prerequisites|prerequisite|preconditions|before you begin|before you start|before starting|
        requirements for running|voraussetzungen|prérequis|requisitos previos|前提条件|前提
        """,
    Role.CRITERIA: """
        acceptance criteria|acceptance|acceptance tests|definition of done|dod|done when|done criteria|success criteria|
        exit criteria|completion criteria|success looks like|what success looks like|ac|akzeptanzkriterien|
        abnahmekriterien|critères dacceptation|criterios de aceptación|受け入れ基準|完了条件
        """,
    Role.WORK: """
        steps|how|how we will do it|what|what we will do|task|tasks|task list|tasklist|subtasks|sub tasks|sub issues|
        to do|todo|todos|to dos|to do list|todo list|checklist|check list|action|actions|action item|action items|
        actions items|next step|next steps|next actions|follow up|follow ups|follow up actions|plan|the plan|
        project plan|work plan|action plan|implementation|implementation plan|implementation steps|implementation tasks|
        work|the work|work items|work breakdown|work breakdown structure|work packages|deliverable|deliverables|
        requirement|requirements|functional requirements|non functional requirements|nonfunctional requirements|
        technical requirements|product requirements|business requirements|feature|features|feature list|key features|
        core features|main features|user story|user stories|stories|epics|epic|test cases|test scenarios|scenarios|aob|
        any other business|miscellaneous|misc|backlog|product backlog|procedure|instructions|method|methods|methodology|
        approach|our approach|solution|the solution|proposed solution|suggested solution|
        describe the solution you would like|describe the feature|describe the enhancement|describe the solution|
        describe the change|describe the solution youd like|proposal|proposed changes|proposed change|suggested changes|
        changes|required changes|code changes needed|what changes|possible fix|suggested fix|proposed fix|fix|the fix|
        possible solution|implementation notes|technical notes|implementation details|technical details|details|detail|
        roadmap|milestones|milestone|phases|must have|must haves|should have|nice to have|nice to haves|could have|
        what to do|what needs to be done|what needs to happen|what has to be done|what is left|what is missing|
        whats left|whats missing|remaining|remaining work|remaining tasks|open|open tasks|open items|open points|
        outstanding|outstanding work|still to do|in progress|up next|now|findings|issues|known issues|bugs|problems|
        defects|improvements|enhancements|wanted|wish list|wishlist|body|content|specification|spec|things to do|
        deployment steps|migration steps|release steps|release checklist|launch checklist|step by step|jobs|assignments|
        measures|countermeasures|preventive measures|corrective actions|remediation|mitigation|mitigations|
        recommendations|aufgabe|aufgaben|aufgabenliste|arbeitspakete|maßnahmen|
        schritte|vorgehen|ablauf|nächste schritte|anforderungen|umsetzung|offen|offene punkte|zu tun|à faire|a faire|
        tâches|taches|étapes|prochaines étapes|exigences|plan daction|tareas|pasos|próximos pasos|requisitos|por hacer|
        tarefas|passos|attività|da fare|taken|te doen|stappen|
        作業|タスク|やること|手順|要件|任务|待办|步骤|需求|작업|할 일
        """,
}
_ROLES = {
    " ".join(name.split()): role
    for role, names in _NAMES.items()
    for name in names.replace("\n", " ").split("|")
    if name.strip()
}

# A longer heading has the role of the first of these that occurs in its words.
_PARTS = tuple(
    (role, re.compile("|".join(patterns)))
    for role, *patterns in (
        (
            Role.SKIP,
            r"\b(?:out of scope|non goals?|not in scope|not part of|not (?:in|for|covered by) this)\b",
            r"\b(?:wont (?:do|fix|have)|(?:do|does|will|should) not)\b",
            r"\b(?:(?:steps|how) to (?:reproduce|repro)|reproduction)\b",
            r"\b(?:expected|actual|current|observed) behaviou?rs?\b",
            r"\b(?:table of contents|prior art|(?:further|additional|related) (?:reading|links|resources))\b",
            r"\b(?:alternatives considered|open questions|success metrics|known limitations|rolling back)\b",
            r"^(?:accepted|residual|remaining|known|key|main|top|project|technical|open) risks?$",
            r"^(?:what )?(?:went|did not go|didnt go|could (?:be|go|have gone|have been)) "
            r"(?:well|wrong|badly|poorly|better|right|less well|not so well)\b",
            r"\balready (?:done|finished|completed|implemented|shipped)\b",
            r"^(?:rollback|roll back|alternatives?|appendix|references?|examples?|screenshots?) "
            r"(?!.*\b(?:fix|add|write)\b)",
            r"\b(?:references|glossary|rollback|screenshots|examples)$",
            r"^(?:alternativ(?:en|as|e)|verworfene? \w+|nachteile|vorteile|inconvénients|avantages"
            r"|desventajas|ventajas)$",
            r"^(?:ya|déjà|bereits|schon|già|já) "
            r"(?:hech|termin|complet|fait|erledigt|fertig|gemacht|abgeschl|fatto|feito)",
            r"^(?:nicht (?:teil|bestandteil|im|enthalten|geplant|vorgesehen)|kein (?:teil|bestandteil)|pas (?:dans"
            r"|prévu)|ne fait pas partie|no (?:incluye|incluido|forma parte))\b",
        ),
        (
            Role.ASIDE,
            r"^(?:phone|telephone|emergency|contact|useful|important) (?:numbers?|contacts|details|addresses|data)$",
            r"^(?:test|testing|target|development|production) (?:environments?|devices?|setup|data)$",
            r"^(?:browser|platform|device|os) (?:support|compatibility)$|\b(?:compatibility|support) (?:matrix|table)$",
        ),
        (Role.CONTEXT, r"^(?:why|background|motivation) (?!.*\b(?:fix|add|write)\b)", r"\bbackground$"),
        (Role.TALK, r"\b(?:notes|remarks|hints|thoughts|considerations)$"),
        (
            Role.CRITERIA,
            r"\b(?:acceptance criteria|definition of done|success criteria|done when)\b",
            r"^how (?:do|will) we know\b",
            r"(?<!selection )(?<!evaluation )\bcriteria$",
        ),
        (Role.BEFORE, r"\b(?:prerequisites|preconditions)\b"),
        (
            Role.WORK,
            r"\b(?:to ?do list|action items|next steps|task list|tasks|requirements|user stories|checklist)$",
            r"\b(?:follow ?up|release|launch|deployment|migration|review|project|cleanup) (?:steps|items)$",
            r"\b(?:(?:still|left) to do|need(?:s|ed)? to (?:be done|happen|do))$",
            r"^(?:tasks?|todos?|requirements) (?:for|of)\b",
            r"^(?:heres |here is |this is )?what .*\b(?:still|left|missing|open|remains?)\b",
            r"^what (?:we|you|they|i|to|still|must|should|needs?|has|is) .*\b(?:do|done|happen|change)$",
        ),
    )
)
# Names of work that may also describe the state of things.
_AMBIGUOUS = re.compile(
    r"what|how|now|in progress|details?|body|content|(?:key |core |main )?features?|feature list|methods?|methodology"
    r"|approach|procedure|instructions|specification|spec|changes|findings|(?:known )?issues|bugs|problems|defects"
)
_INNER_NUMBER = re.compile(r"\s*[0-9]+\.[0-9]")
_NUMBERING = re.compile(
    r"^\s*(?:(?:[0-9]{1,3}(?:\.[0-9]{1,3}){0,5}|[ivxIVX]{1,5}|[A-Z])[.):]"
    r"|§?\s?[0-9]{1,3}(?:\.[0-9]{1,3}){0,5}(?=\s))\s*"
)
_STAGE = re.compile(
    r"^(?:phase|step|stage|milestone|part|week|day|sprint|month|quarter|iteration|wave|increment|round|release|m|q"
    r"|schritt|woche|tag|teil|meilenstein|étape|semaine|jour|fase|paso|semana|etapa|ステップ|フェーズ|第)"
    r"\s?(?:#\s?)?(?:[0-9]{1,3}|[ivx]{1,4}|one|two|three|four|five|six|seven|first|[a-d])\b"
    r"(?:\s+of\s+[0-9]+)?(?:\s*\([^)]*\))?\s*(?:[:.)\u2013\u2014-]+\s*|$)",
    re.IGNORECASE,
)
_IN_TIME = re.compile(
    r"^(?:t ?[-+\u2212] ?[0-9]+|d-day|(?:launch|release|event|opening|moving|go-live) day"
    r"|before|after|during|first|second|third|last|next|finally|then|pre|post|on|once|day of|the day|week|month"
    r"|q[1-4]|h[12]|monday|tuesday|wednesday|thursday|friday|january|february|march|april|may|june|july|august"
    r"|september|october|november|december)\b",
    re.IGNORECASE,
)
_MODIFIERS = frozenset(
    """
    the our my your some proposed suggested planned known remaining open main general
    """.split()  # noqa: SIM905 - a list of words reads as one
)
_ASIDE_IN_NAME = re.compile(r"[(:\u2013\u2014]| - ")
_NOISE = re.compile(r"[^\w\s]+|_+")
_SPACES = re.compile(r"\s+")


@attrs.frozen(slots=True)
class Heading:
    """A heading as understood.

    Attributes:
        role: the role of the text under it.
        name: its words without numbers and labels such as "Phase 2:".
        ordered: whether it says that it comes before the heading that follows.
        numbered: whether only its number says so, which may be just the number of a chapter.
    """

    role: Role
    name: str
    ordered: bool = False
    numbered: bool = False


def insists_on_work(heading: Heading) -> bool:
    """Tell whether a heading says that it is work even where the text around it is not."""
    return heading.role is Role.WORK and not _AMBIGUOUS.fullmatch(_words(heading.name))


@lru_cache(maxsize=1024)
def read_heading(text: str) -> Heading:
    """Understand the plain text of a heading."""
    text = text.strip().rstrip(":\uff1a").strip()
    numbering = _NUMBERING.match(text)
    name = text[numbering.end() :] if numbering and numbering.end() < len(text) else text
    stage = _STAGE.match(name)
    if stage:
        return Heading(Role.THEME, name[stage.end() :].strip() or name, ordered=True)
    in_time = _IN_TIME.match(name) is not None
    numbered = numbering is not None and not in_time and not _INNER_NUMBER.match(text)
    return Heading(_role(name), name, ordered=in_time or numbered, numbered=numbered)


def _role(name: str) -> Role:
    words = _words(name)
    # "Tasks (this sprint)", "Scope: must have", "Requirements - API": the words after the sign may say nothing.
    aside = _ASIDE_IN_NAME.search(name)
    for candidate in (words, _words(name[: aside.start()])) if aside else (words,):
        if candidate in _ROLES:
            return _ROLES[candidate]
        beginning, _, rest = candidate.removeprefix("list of ").partition(" ")
        if beginning in _MODIFIERS and rest in _ROLES:
            return _ROLES[rest]
    if len(words) <= 80:
        for role, pattern in _PARTS:
            if pattern.search(words):
                return role
    return Role.THEME


def _words(text: str) -> str:
    text = text.lower().replace("'", "").replace("\u2019", "")
    return _SPACES.sub(" ", _NOISE.sub(" ", text)).strip()
