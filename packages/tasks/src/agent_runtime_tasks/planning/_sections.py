"""What a heading, or a line that leads into a list, says about what stands under it."""

import re
from enum import StrEnum
from functools import lru_cache

import attrs


class Role(StrEnum):
    """What becomes of the content of a section."""

    SKIP = "skip"  # says that it is not work
    ASIDE = "aside"  # is seldom work: only what is asked for expressly is
    TALK = "talk"  # speaks about the work: it is read when nothing else is found
    BEFORE = "before"  # what must be so beforehand: only what is asked for expressly is work
    CRITERIA = "criteria"  # how one can tell that the work is done
    WORK = "work"  # says that it is work, and no more
    THEME = "theme"  # names a part of the work


_NAMES = {
    Role.SKIP: """
        non goals|no goals|not goals|out of scope|not in scope|scope exclusions|exclusions|excluded|wont do|
        wont fix|will not do|not planned|not included|not part of this|what we will not do|what we are not doing|
        not doing|explicitly not|no go|no gos|background|context|background and context|context and background|
        motivation|rationale|history|prior art|previous work|related|related work|related issues|related prs|
        related tickets|related links|see also|further reading|reference|references|reference material|links|
        useful links|resources|reading list|sources|bibliography|appendix|reproduction|reproduction steps|repro|
        repro steps|steps to repro|to reproduce|steps to reproduce|how to reproduce|reproduce|reproducing|
        to reproduce the issue|steps to reproduce the behavior|steps to reproduce the behaviour|
        minimal reproduction|minimal reproducible example|expected|expected behavior|expected behaviour|
        expected result|expected results|expected outcome|what did you expect|what did you expect to happen|actual|
        actual behavior|actual behaviour|actual result|actual results|observed|observed behavior|observed behaviour|
        current behavior|current behaviour|current state|current situation|status quo|as is|what happened|
        what happens|what went wrong|what went well|symptoms|observations|environment information|your environment|
        system info|system information|log output|relevant log output|error message|error log|stack trace|
        stacktrace|traceback|backtrace|console output|table of contents|contents|toc|on this page|in this document|
        glossary|definitions|terminology|abbreviations|acronyms|changelog|change log|change history|
        revision history|document history|version history|done|already done|completed|finished|closed|
        completed tasks|completed work|done so far|what is done|shipped|resolved|alternatives|
        alternatives considered|considered alternatives|other options|options considered|rejected alternatives|
        rejected ideas|rejected options|discarded ideas|describe alternatives you have considered|
        describe alternatives youve considered|risks|risk|risk assessment|risks and mitigations|known risks|threats|
        assumptions|limitations|known limitations|rollback|rollback plan|rollback steps|rollback procedure|
        roll back|backout|backout plan|back out plan|contingency|contingency plan|fallback|fallback plan|
        in case of failure|if something goes wrong|abort criteria|faq|frequently asked questions|questions|
        open questions|unresolved questions|unknowns|success metrics|kpis|kpi|key figures|key metrics|key results|
        measures of success|attendees|participants|present|apologies|absent|license|licence|thanks|acknowledgements|
        acknowledgments|credits|root cause|root causes|cause|causes|pros|cons|pros and cons|advantages|
        disadvantages|trade offs|tradeoffs|business value|drawbacks|findings so far|disclaimer|later|future|
        future work|future ideas|future considerations|parking lot|someday|deferred|postponed|ideas for later|
        not now|code of conduct|nicht ziele|nichtziele|ausserhalb|außerhalb|außerhalb des umfangs|nicht im umfang|
        nicht enthalten|abgrenzung|hintergrund|ausgangslage|kontext|referenzen|verweise|quellen|anhang|erledigt|
        fertig|risiken|offene fragen|fragen|hors périmètre|hors perimetre|hors champ|hors scope|non objectifs|
        contexte|références|annexes|terminé|fait|risques|questions ouvertes|fuera de alcance|fuera del alcance|
        no objetivos|contexto|antecedentes|referencias|hecho|riesgos|fora do escopo|não objetivos|fuori ambito|
        contesto|riferimenti|buiten scope|achtergrond|
        対象外|範囲外|スコープ外|背景|参考|参考資料|完了|用語|不做|范围外|背景信息|범위 외|배경
        """,
    Role.ASIDE: """
        created|updated|last updated|last edited|date|due|due date|deadline|sprint|component|components|os|browser|
        reported by|reporter|assignee|assigned to|approved by|epic link|type|tags|category|app version|device model|
        frequency|additional context|additional information|additional notes|affected|affected systems|
        affected users|affected versions|anything else|approvers|architecture|architecture overview|attachments|
        audience|author|authors|benefits|budget|calendar|calendrier|conclusion|conclusions|consequences|constraints|
        contact|contacts|cost|costs|current architecture|customers|data model overview|dates|dependencies|device|
        discussion|effort|environment|estimate|estimates|example|examples|figures|further information|guidelines|
        how it works|impact|important dates|key dates|kosten|labels|log|logs|metrics|more information|numbers|
        other information|output|owner|owners|people|persona|personas|platform|price|principles|priority|recordings|
        recovery|related links|results|reviewers|roles|sample|samples|schedule|screenshot|screenshots|severity|
        stakeholders|state|statistics|status|supported browsers|supported versions|target audience|target group|
        target users|team|tech stack|technologies|technology|teilnehmer|termine|terms|the team|time frame|timeframe|
        timeline|timelines|tools|troubleshooting|users|value|version|versions|videos|who|zeitplan
        """,
    Role.TALK: """
        scope|in scope|summary|description|overview|introduction|intro|abstract|tldr|tl dr|purpose|objective|
        objectives|goal|goals|aim|aims|vision|mission|executive summary|problem|problem statement|the problem|issue|
        the issue|bug|describe the bug|bug description|problem description|
        is your feature request related to a problem|is your feature request related to a problem please describe|
        use case|use cases|why|question|research question|research questions|hypothesis|hypotheses|notes|note|
        comments|remarks|hints|hint|tips|decision|about|idea|the idea|proposal summary|user need|opportunity|
        hinweise|hinweis|zusammenfassung|ziel|ziele|zweck|beschreibung|überblick|einleitung|problemstellung|résumé|
        objectif|objectifs|remarques|resumen|objetivo|objetivos|notas|概要|目的|目標|備考
        """,
    Role.BEFORE: """
        prerequisites|prerequisite|preconditions|before you begin|before you start|before starting|
        requirements for running|voraussetzungen|prérequis|requisitos previos|前提条件|前提
        """,
    Role.CRITERIA: """
        acceptance criteria|acceptance|acceptance tests|definition of done|dod|done when|done criteria|
        success criteria|exit criteria|completion criteria|success looks like|what success looks like|ac|
        akzeptanzkriterien|abnahmekriterien|critères dacceptation|criterios de aceptación|受け入れ基準|完了条件
        """,
    Role.WORK: """
        steps|how|how we will do it|what|what we will do|task|tasks|task list|tasklist|subtasks|sub tasks|
        sub issues|to do|todo|todos|to dos|to do list|todo list|checklist|check list|action|actions|action item|
        action items|actions items|next step|next steps|next actions|follow up|follow ups|follow up actions|plan|
        the plan|project plan|work plan|action plan|implementation|implementation plan|implementation steps|
        implementation tasks|work|the work|work items|work breakdown|work breakdown structure|work packages|
        deliverable|deliverables|requirement|requirements|functional requirements|non functional requirements|
        nonfunctional requirements|technical requirements|product requirements|business requirements|feature|
        features|feature list|key features|core features|main features|user story|user stories|stories|epics|epic|
        backlog|product backlog|procedure|instructions|method|methods|methodology|approach|our approach|solution|
        the solution|proposed solution|suggested solution|describe the solution you would like|
        describe the solution youd like|proposal|proposed changes|proposed change|suggested changes|changes|
        required changes|code changes needed|what changes|possible fix|suggested fix|proposed fix|fix|the fix|
        possible solution|details|detail|roadmap|milestones|milestone|phases|must have|must haves|should have|
        nice to have|nice to haves|could have|what to do|what needs to be done|what needs to happen|
        what has to be done|what is left|what is missing|whats left|whats missing|remaining|remaining work|
        remaining tasks|open|open tasks|open items|open points|outstanding|outstanding work|still to do|in progress|
        up next|now|findings|issues|known issues|bugs|problems|defects|improvements|enhancements|wanted|wish list|
        wishlist|body|content|specification|spec|things to do|deployment steps|migration steps|release steps|
        release checklist|launch checklist|step by step|jobs|assignments|remediation|mitigation|mitigations|
        recommendations|aufgabe|aufgaben|aufgabenliste|arbeitspakete|maßnahmen|schritte|vorgehen|ablauf|
        nächste schritte|anforderungen|umsetzung|offen|offene punkte|zu tun|à faire|a faire|tâches|taches|étapes|
        prochaines étapes|exigences|plan daction|tareas|pasos|próximos pasos|requisitos|por hacer|tarefas|passos|
        attività|da fare|taken|te doen|stappen|作業|タスク|やること|手順|要件|任务|待办|步骤|需求|작업|할 일
        """,
}
_ROLES = {
    " ".join(name.split()): role
    for role, names in _NAMES.items()
    for name in names.replace("\n", " ").split("|")
    if name.strip()
}

_PARTS = (
    (Role.SKIP, re.compile(
        r"\b(?:out of scope|non goals?|not in scope|steps to reproduce|reproduction|(?:expected|actual"
    r"|current|observed) behaviou?rs?"
        r"|table of contents|alternatives considered|prior art|not part of|wont (?:do|fix)|(?:do|does|will"
    r"|should) not|(?:further|additional|related) (?:reading|links|resources)"
        r"|already (?:done|finished|completed|implemented|shipped)|open questions|success metrics|known "
    r"limitations|rolling back)\b"
        r"|^(?:why|background|motivation|rollback|roll back|alternatives?|appendix|references?|examples?"
    r"|screenshots?) (?!.*\b(?:fix|add|write)\b)"
        r"|\b(?:references|background|glossary|rollback|screenshots|examples)$")),
    (Role.TALK, re.compile(r"\b(?:notes|remarks|hints|thoughts|considerations)$")),
    (Role.CRITERIA, re.compile(r"\b(?:acceptance criteria|definition of done|success criteria|done when)\b"
    r"|^how (?:do|will) we know\b")),
    (Role.BEFORE, re.compile(r"\b(?:prerequisites|preconditions)\b")),
    (Role.WORK, re.compile(
        r"\b(?:to ?do list|action items|next steps|task list|tasks|(?:follow ?up|release|launch|deployment"
    r"|migration|review|project|cleanup) (?:tasks|checklist|steps|items)"
        r"|requirements|user stories|(?:still|left) to do|need(?:s|ed)? to (?:be done|happen|do)|checklist)$"
    r"|^(?:tasks?|todos?|requirements) (?:for|of)\b")),
)  # fmt: skip
_NUMBERING = re.compile(
    r"^\s*(?:(?:[0-9]{1,3}(?:\.[0-9]{1,3}){0,5}|[ivxIVX]{1,5}|[A-Z])[.):]"
    r"|§?\s?[0-9]{1,3}(?:\.[0-9]{1,3}){0,5}(?=\s))\s*"
)
_STAGE = re.compile(
    r"^(?:phase|step|stage|milestone|part|week|day|sprint|month|quarter|iteration|wave|increment|round"
    r"|release|m|q|schritt|woche|tag|teil|meilenstein|"
    r"étape|semaine|jour|fase|paso|semana|etapa|ステップ|フェーズ|第)\s?(?:#\s?)?(?:[0-9]{1,3}|[ivx]{1,4}|one|two"
    r"|three|four|five|six|seven|first|[a-d])\b"
    r"(?:\s+of\s+[0-9]+)?(?:\s*\([^)]*\))?\s*(?:[:.)\u2013\u2014-]+\s*|$)",
    re.IGNORECASE,
)
_IN_TIME = re.compile(
    r"^(?:before|after|during|first|second|third|last|next|finally|then|pre|post|on|once|day of|the day|week"
    r"|month|q[1-4]|h[12]|"
    r"monday|tuesday|wednesday|thursday|friday|january|february|march|april|may|june|july|august|september"
    r"|october|november|december)\b",
    re.IGNORECASE,
)
_MODIFIERS = frozenset(
    [
        "the",
        "our",
        "my",
        "your",
        "some",
        "proposed",
        "suggested",
        "planned",
        "known",
        "remaining",
        "open",
        "main",
        "general",
    ]
)
_ASIDE_IN_NAME = re.compile(r"[(:\u2013\u2014]| - ")
_NOISE = re.compile(r"[^\w\s]+|_+")
_SPACES = re.compile(r"\s+")


@attrs.frozen(slots=True)
class Heading:
    """A heading as it was understood.

    Attributes:
        role: what becomes of what stands under it.
        name: its words without numbers and labels such as "Phase 2:".
        ordered: whether it says that it comes before the heading that follows.
    """

    role: Role
    name: str
    ordered: bool = False


@lru_cache(maxsize=1024)
def read_heading(text: str) -> Heading:
    """Understand the plain text of a heading."""
    text = text.strip().rstrip(":\uff1a").strip()
    numbering = _NUMBERING.match(text)
    name = text[numbering.end() :] if numbering and numbering.end() < len(text) else text
    stage = _STAGE.match(name)
    if stage:
        return Heading(Role.THEME, name[stage.end() :].strip() or name, ordered=True)
    return Heading(_role(name), name, ordered=bool(numbering or _IN_TIME.match(name)))


def _role(name: str) -> Role:
    words = _words(name)
    # "Tasks (this sprint)", "Scope: must have", "Requirements - API": what is in brackets or follows may say nothing.
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
