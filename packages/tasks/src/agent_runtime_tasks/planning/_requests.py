"""Whether a sentence asks for work, and how that is said in the imperative."""

import re
from enum import StrEnum
from functools import lru_cache
from itertools import pairwise

import attrs

from ._sections import Role, read_heading
from ._words import (
    BASE_OF_GERUND,
    BASE_OF_PARTICIPLE,
    COMMON_WORDS,
    COMPOUND_TAILS,
    DETERMINERS,
    HEAD_VERBS,
    NOUN_VERBS,
    TELLING,
    VERB_OF_NOUN,
    VERBS,
)

LONGEST_READ = 600  # characters of a sentence


class Ask(StrEnum):
    """How much a text asks for."""

    REQUEST = "request"  # work, said so
    PHRASE = "phrase"  # names a thing; whether that is work depends on where it stands
    TALK = "talk"  # tells something
    REFUSAL = "refusal"  # says what is not to be done


class Order(StrEnum):
    """Where a text says that it stands among the others."""

    NONE = "none"
    FIRST = "first"
    THEN = "then"
    LAST = "last"
    EARLIER = "earlier"  # before what was just said


@attrs.frozen(slots=True)
class Reading:
    """A sentence as it was understood.

    Attributes:
        ask: how much it asks for.
        title: the same as an imperative, where one could be made.
        order: what its first words say about the order.
    """

    ask: Ask
    title: str
    order: Order = Order.NONE


@lru_cache(maxsize=1024)
def read_request(text: str, fallback: str = "take care of", forced: bool = False) -> Reading:
    """Understand an English sentence, clause or phrase.

    Args:
        text: plain text, without markup.
        fallback: the verb for a thing that says nothing about what to do with it.
        forced: whether that verb is right for things that go with another one, too.
    """
    order, text = take_opener(_TRAILING.sub("", text[:LONGEST_READ]))
    ask, title = _read(text, fallback, forced)
    return Reading(ask, title, order)


def take_opener(text: str) -> tuple[Order, str]:
    """Split what a sentence opens with, and only connects or asks politely, from the rest."""
    order = Order.NONE
    for _ in range(4):
        opener = _OPENER.match(text)
        if opener is None or opener.end() == len(text):
            break
        if order is Order.NONE:
            order = next((Order(name) for name, words in opener.groupdict().items() if words), Order.NONE)
        text = text[opener.end() :]
    return order, text


def is_imperative(text: str) -> bool:
    """Whether a text begins with a verb of work that is used as one."""
    match = _FIRST_WORDS.match(text)
    if match is None:
        return text[:9].lower() in ("a/b test ", "a/b-test ")
    verb, following = match[1].lower(), (match[2] or "").lower()
    if verb == "have":
        return following in _ARTICLES
    if verb not in VERBS:
        prefix, _, base = verb.rpartition("-")
        if base in VERBS and prefix in _VERB_PREFIXES:
            return True
        if not (verb.startswith("re") and len(verb) > 5 and verb[2:] in VERBS):
            return False
    if not following and verb in NOUN_VERBS and _OBJECT_SIGN.match(text, match.end()):
        return True
    if verb not in NOUN_VERBS:
        return following not in _AFTER_A_NOUN
    if following == "for" and verb in _NOUNS_BEFORE_FOR:
        return False
    if following in DETERMINERS:
        return verb not in _NOUNS_FIRST or following not in _NOUN_FOLLOWERS
    if not following or following in _AFTER_A_NOUN:
        return False
    if following in COMPOUND_TAILS and not _NUMBER.match(text, match.end()):
        return False
    return verb not in _NOUNS_FIRST


def phrase_title(text: str, fallback: str, forced: bool = False) -> str:
    """Put a verb before a thing: the one that its noun is made of, or the one that is usual with it, unless forced."""
    words = text.split()
    if not words:
        return ""
    first = words[0].lower().strip(",;:")
    if first in BASE_OF_GERUND and len(words) > 1 and words[1].lower() not in ("of", "is", "and", "for"):
        return capital(f"{BASE_OF_GERUND[first]} {' '.join(words[1:])}")
    if first == "no" or words[0].endswith(":"):
        return capital(text)
    head_end = next(
        (place for place, word in enumerate(words) if word.lower() in _AFTER_THE_HEAD or word[0] in "(\u2013\u2014-"),
        len(words),
    )
    head = words[head_end - 1].lower().strip(",;:.") if head_end else ""
    verb = VERB_OF_NOUN.get(head) or (BASE_OF_GERUND.get(head) if head_end == 1 else None)
    if verb and len(words) > head_end + 1 and words[head_end].lower() in ("of", "for"):
        object_of_it = " ".join([*_without_article(words[: head_end - 1]), *words[head_end + 1 :]])
        if head_end == 1 or words[0].lower() in ("the", "a", "an"):
            return capital(f"{verb} {object_of_it}")
    verb = "" if forced else HEAD_VERBS.get(head) or HEAD_VERBS.get(head.removesuffix("s"), "")
    return capital(f"{verb or fallback} {small(text)}")


def names_a_thing(text: str) -> bool:
    """Whether a phrase is surely a thing, and not an order with a verb that is not known."""
    words = text.split()
    head_end = next((place for place, word in enumerate(words) if word.lower() in _AFTER_THE_HEAD), len(words))
    head = words[head_end - 1].lower().strip(",;:.()") if head_end else ""
    first = words[0].lower()
    known = head in HEAD_VERBS or head in VERB_OF_NOUN or first in BASE_OF_GERUND or first in DETERMINERS
    return known or _COMMON_ENDING.search(head) is not None


def capital(text: str) -> str:
    """Begin a text with a capital."""
    return text[:1].upper() + text[1:]


def small(text: str) -> str:
    """Begin a text without a capital, unless its first word may be a name."""
    word = _FIRST_WORD.match(text)
    if word is None or not word[0][1:].islower():
        return text if word is None or len(word[0]) > 1 or word[0] != "A" else "a" + text[1:]
    low = word[0].lower()
    common = low in VERBS or low in DETERMINERS or low in HEAD_VERBS or low in COMPOUND_TAILS or low in VERB_OF_NOUN
    common = common or low in BASE_OF_GERUND or low in BASE_OF_PARTICIPLE or _COMMON_ENDING.search(low) is not None
    return low + text[len(low) :] if common or low in COMMON_WORDS else text


_TRAILING = re.compile(r"[\s.;:,!?\u2026\u3002]+$")
_FIRST_WORD = re.compile(r"[^\W\d_]+")
_FIRST_WORDS = re.compile(r"([A-Za-z][A-Za-z-]*)(?![\w'\u2019/.@:])(?:[ ,]+([A-Za-z0-9'\u2019-]+))?")
_OBJECT_SIGN = re.compile(r"\s+[./~<\"'`$]\S")
_NUMBER = re.compile(r"\s+v?[0-9]")
_VERB_PREFIXES = frozenset(
    (
        "re",
        "pre",
        "de",
        "un",
        "co",
        "double",
        "cross",
        "auto",
        "back",
        "soft",
        "hard",
        "stress",
        "load",
        "smoke",
        "fine",
        "bulk",
        "live",
        "hot",
        "cherry",
        "dry",
        "spot",
        "unit",
        "end",
        "lazy",
        "e",
        "a/b",
    )
)
_AFTER_A_NOUN = frozenset(
    [
        "is",
        "are",
        "was",
        "were",
        "has",
        "have",
        "had",
        "of",
        "will",
        "would",
        "can",
        "could",
        "may",
        "might",
        "should",
        "must",
        "shall",
        "does",
        "do",
        "did",
        "who",
        "which",
        "that-is",
        "isn't",
        "aren't",
        "wasn't",
    ]
)
_NOUNS_FIRST = frozenset(
    [
        "access",
        "bug",
        "cost",
        "function",
        "input",
        "index",
        "leads",
        "message",
        "model",
        "number",
        "note",
        "offer",
        "order",
        "outline",
        "own",
        "phase",
        "place",
        "pilot",
        "point",
        "price",
        "process",
        "program",
        "project",
        "question",
        "rate",
        "reach",
        "record",
        "score",
        "service",
        "shape",
        "sign",
        "size",
        "source",
        "stage",
        "state",
        "step",
        "stress",
        "structure",
        "style",
        "surface",
        "time",
        "touch",
        "trade",
        "trial",
        "turn",
        "type",
        "value",
        "view",
        "vote",
        "reserve",
        "exercise",
        "experiment",
        "contract",
        "catalogue",
        "invoice",
        "form",
        "figure",
        "frame",
        "line",
        "lead",
        "page",
        "paint",
    ]
) - {
    "order",
    "note",
    "own",
    "place",
    "point",
    "lead",
    "turn",
    "size",
    "price",
    "paint",
    "page",
    "record",
    "number",
    "sign",
}
_NOUN_FOLLOWERS = frozenset(
    ["and", "or", "for", "from", "in", "on", "at", "with", "to", "off", "over", "through", "that"]
)
_NOUNS_BEFORE_FOR = frozenset(["support", "access", "guide", "design", "report", "cover", "documentation"])
_ARTICLES = frozenset(["a", "an", "the", "all", "our", "your", "their", "its", "each", "every", "this", "these"])
_AFTER_THE_HEAD = frozenset(
    [
        "of",
        "for",
        "in",
        "on",
        "with",
        "to",
        "that",
        "which",
        "from",
        "when",
        "where",
        "by",
        "at",
        "as",
        "into",
        "during",
        "after",
        "before",
        "without",
        "via",
        "using",
        "under",
        "between",
        "per",
        "so",
        "because",
        "if",
        "while",
        "whose",
        "who",
        "about",
        "against",
    ]
)
_COMMON_ENDING = re.compile(
    r"(?:(?<!ne)(?<!gre)(?<!kin)(?<!i)(?<!u)(?<!s)s|tion|ment|ing|ity|ness|ance|ence|able|ible|ful|less|ical"
    r"|ive|ous|ated|ised|ized|users?|ers|ies|ows|ings|age|ware)$"
)

_OPENER = re.compile(
    r"(?:(?:I|we) (?:think|guess|believe|feel|suggest|propose)(?: that)?(?= (?:we|you|I|it|someone|the)\b)"
    r"|(?P<first>first(?:ly)?(?: of all)?|to (?:begin|start)(?: with)?(?=,)|as a first step|step one"
    r"|initially|in a first step|the first (?:step|thing)(?: to do)? is to|start by(?= [a-z]+ing))"
    r"|(?P<then>and then|then|next|after (?:that|this|which)|afterwards?|subsequently|thereafter"
    r"|second(?:ly)?|third(?:ly)?|fourth(?:ly)?|fifth(?:ly)?"
    r"|later(?: on)?|once (?:that|this|it)(?: i|')s (?:done|finished|complete|completed|over|in place|ready)"
    r"|when (?:that|this|it)(?: i|')s (?:done|finished|complete|completed|over|ready)"
    r"|once done|when done|once finished|as a (?:second|next|third) step|the (?:next|second|third) (?:step"
    r"|thing)(?: to do)? is to|from there|with that (?:done|in place)|only then)"
    r"|(?P<last>finally|lastly|last(?: but not least)?|at the (?:very )?end|in the end|to finish|as a (?:last"
    r"|final) step|the (?:last|final) step is to|to conclude|to wrap up|when everything (?:is done|works|else "
    r"is done))"
    r"|(?P<earlier>before (?:that|this|doing so|you do(?: that| so| this)?|we do(?: that| so| this)?)"
    r"|beforehand|prior to (?:that|this))"
    r"|please|kindly|also|and|but|so|just|now|in addition(?: to (?:that|this))?|additionally|furthermore"
    r"|moreover|besides(?: that)?|ideally|optional(?:ly)?|if (?:possible|needed|necessary|time permits|there "
    r"is time)|(?:where|when|if) (?:possible|appropriate|applicable)"
    r"|as well|eventually|meanwhile|in (?:parallel|the meantime)|at the same time|simply|maybe|perhaps"
    r"|preferably|obviously|of course|therefore|thus|hence|instead|alternatively|otherwise|generally"
    r"|basically|again|soon|today|tomorrow|asap"
    r"|while (?:you are|you're|we are|we're|I am|I'm) (?:at it|there)|don't forget to|do not forget to"
    r"|don\u2019t forget to|remember to|be sure to|make sure to|make sure you|try to|start to|feel free to"
    r"|let's|let us|let\u2019s|we just|all we need to do is(?: to)?|what we need to do is(?: to)?|what(?:'s| "
    r"is) (?:left|missing) is to"
    r"|(?:the )?(?:task|job|plan|idea|work|next task|solution) is to|(?:you|we) (?:can|could|might|may)(?: "
    r"(?:want|like|wish) to)?(?: "
    r"also)?|(?:we|I|you)(?: will|'ll|\u2019ll)(?: also)?(?= (?:need|have) to)"
    r"|(?:could|can|would|will) (?:you|someone|somebody|anyone|we|one of you)(?: please| maybe| possibly| "
    r"also)*|(?:it (?:is|'s)|it\u2019s|it would be|it will be|it'd be) (?:important|necessary|essential"
    r"|crucial|time|best|good|nice|great|helpful|useful|worth|better|wise|advisable|required)(?: for us| for you)? to"
    r"|(?:we|I|you)(?:'d| would|\u2019d) (?:like|love)(?: you| us| someone)? to|(?:we|I)(?: really| also)? "
    r"(?:want|need|expect|ask)(?: you| us| someone) to|we (?:propose|suggest|recommend|intend|are going"
    r"|agreed|decided) to|I (?:propose|suggest|recommend)(?: that we| we| to)?"
    r"|(?:todo|to-do|to do|task|action|action item|ai|step|item|req|fr|nfr|us|requirement|story|user story"
    r"|feature|fixme|must|should|could|p[0-4]|low|medium|high|critical|optional|new"
    r"|wip)\s?(?:[-#]?\s?[0-9]{1,4}(?:\.[0-9]{1,3})*)?\s?[:)\]\u2013\u2014]+"
    r"|[A-Z][A-Z0-9]{1,9}-[0-9]{1,6}\s?[:)\]\u2013\u2014-]*|#[0-9]{1,7}\s?[:)\u2013\u2014-]*"
    r"|\[[^\]]{1,24}\]\s?[:-]?|\((?:p[0-4]|[0-9.]{1,4} ?(?:h|d|sp|pts?|points?|days?|hours?)|optional|must"
    r"|should|could|high|medium|low|critical|nice to have)\)|[0-9]{1,3}(?:\.[0-9]{1,3})*[.):]"
    r"|(?:@[\w-]{1,39}(?: (?:and|&) @[\w-]{1,39})*)(?: to(?= [a-z]))?:?|[-\u2013\u2014>*+\u2022|/]+(?=\s)"
    r")[,:]?(?:\s+|$)",
    re.IGNORECASE,
)
_SIGNS_OF_A_REQUEST = re.compile(
    r"\b(?:need|must|shall|should|ha(?:s|ve) to|wants?|like to|ought to|would be|plans? to|(?:is|are) (?:to"
    r"|required|needed|missing|necessary|wanted|still)|as an? )|:\s|\u2014|\u2013| - ",
    re.IGNORECASE,
)
_REFUSAL = re.compile(
    r"(?:please )?(?:(?:do not|don't|don\u2019t|never|avoid|no need|not needed|refrain|won't|won\u2019t|not "
    r")\b|(?:we|I|you|it|this|that|there|they|[\w -]{3,40}?) (?:do not|don't|don\u2019t|does not|doesn't"
    r"|won't|won\u2019t|will not|must not|mustn't|should not|shouldn't|shouldn\u2019t|shall not|need not"
    r"|needn't|must never|should never) (?:need|have to|want|plan|intend|be|change"
    r"|support|include|cover|touch|use|add|require|exceed|break|block|[a-z]+)\b)",
    re.IGNORECASE,
)
_STORY = re.compile(
    r"as (?P<who>an? [^,]{2,60}?),? (?:I|we) (?:want|would like|need|wish|can|must|should|have)(?: to be "
    r"able)?(?: to)? (?P<what>.+)",
    re.IGNORECASE,
)
_SO_THAT = re.compile(r",? (?:so that|so I|so we|in order to|because)\b.*", re.IGNORECASE)
_MODAL = re.compile(
    r"(?P<subject>[^,;:!?]{1,100}?) (?:(?:will|also|then|still|really|just|now|only|first|always|probably"
    r"|definitely|therefore) ){0,2}"
    r"(?P<modal>needs? to|must|shall|should|has to|have to|ought to|wants? to|would like to|plans? to|(?:is"
    r"|are) (?:required |supposed |expected )?to|need) "
    r"(?:(?:also|then|still|really|just|now|first|always|probably|only|at least|therefore|immediately"
    r"|automatically|ideally) ){0,2}(?P<rest>.+)",
    re.IGNORECASE,
)
_US = re.compile(
    r"(?:^|\s)(?:we|I|you|someone|somebody|one|anyone|(?:the|our) (?:[\w-]+ )?(?:team|developers?|engineers?"
    r"|maintainers?|group|staff|agent))$",
    re.IGNORECASE,
)
_PARTS_OF_SOFTWARE = frozenset(
    [
        "backend",
        "frontend",
        "infra",
        "infrastructure",
        "ops",
        "mobile",
        "ios",
        "android",
        "server",
        "client",
        "core",
        "docs",
        "tests",
        "readme",
        "security",
        "design",
    ]
)
_NO_WORK = frozenset(
    ["be", "have", "know", "say", "see", "hope", "feel", "understand", "believe", "wait", "like", "go"]
)
_PERSON = re.compile(r"@?[A-Z][a-z]+(?: (?:and|&) [A-Z][a-z]+)?$")
_IT = re.compile(
    r"(?:it|they|this|these|that|those|he|she|which|who|there|what|everything|nothing|all)$", re.IGNORECASE
)
_THE_SYSTEM = re.compile(
    r"(?:the |our |this )(?:system|app|application|tool|product|solution|platform|software|program|user "
    r"interface|implementation|new (?:system|app|application|tool|version))$",
    re.IGNORECASE,
)
_USERS = re.compile(
    r"^(?:(?:the|all|new|our|registered|authenticated|logged-in|any|every|each|an?|only) )*(?:[\w-]+ "
    r")?(?:users?|customers?|admins?|administrators?|visitors?|members?|operators?|guests?|owners?|agents?"
    r"|editors?|readers?|developers?|students?|teachers?|patients?|employees?|managers?|clients?|people"
    r"|person|drivers?|buyers?|sellers?|players?|authors?|technicians?|applicants?|subscribers?|callers?"
    r"|reviewers?|parents?|tenants?|merchants?)$",
    re.IGNORECASE,
)
_PASSIVE = re.compile(
    r"be (?:(?:also|fully|properly|correctly|automatically|always|then|completely|newly) "
    r")?(?P<participle>[a-z-]+)\b ?(?P<rest>.*)",
    re.IGNORECASE,
)
_COMPARATIVE = re.compile(
    r"be (?:much |a lot |a bit )?(?:[a-z]{3,}er|more|less|better|visible|available|possible|optional|configurable)\b",
    re.IGNORECASE,
)
_MISSING = re.compile(
    r"(?P<what>.{3,90}?) (?:is|are) (?:still |also |currently )?(?:needed|required|necessary|missing"
    r"|wanted)\b(?P<rest>.*)",
    re.IGNORECASE,
)
_BE_NEEDED = re.compile(
    r"there (?:should|must|needs? to|has to|have to|ought to) be (?P<what>.+)|(?:we|I|you|they)(?: also| "
    r"still| will)* (?:need|lack) (?P<thing>(?!to\b).+)",
    re.IGNORECASE,
)
_SOMEONE_DID = re.compile(
    r"it would be (?:great|nice|good|helpful|useful|lovely|best|better|perfect|cool) if (?:someone|somebody"
    r"|you|we|anyone|one of you|the team) (?:could |would |also )*(?P<verb>[a-z]+) (?P<rest>.+)",
    re.IGNORECASE,
)
_PAST = {
    "took": "take",
    "wrote": "write",
    "gave": "give",
    "got": "get",
    "ran": "run",
    "did": "do",
    "came": "come",
    "drew": "draw",
    "chose": "choose",
    "began": "begin",
    "broke": "break",
}
_LABEL = re.compile(r"(?P<label>[^\s:.!?][^:.!?]{0,59}?)(?::| [\u2013\u2014-]|\u2014) (?P<rest>\S.*)")
_FOR_SOMEONE = re.compile(
    r"(?P<who>[A-Z][a-z]+(?: (?:and|&) [A-Z][a-z]+)?|@[\w-]+|[A-Z]{2,5}) (?:to|will|should) (?P<what>[a-z].*)"
)
_TELLS = re.compile(
    r"\b(?:is|are|was|were|am|isn't|aren't|wasn't|has|had|does|did|doesn't|didn't|can|cannot|can't|could"
    r"|couldn't|will|would|may|might|there's|it's|that's|they're|we're|I'm|we've|I've|happens?|fails?|seems?"
    r"|shows? up|depends|costs?|takes|uses|works|crashes|returns|throws|hangs|breaks|leaks|gets|becomes"
    r"|remains|exists|contains|means|says|wants)\b",
    re.IGNORECASE,
)
_TELLS_FROM_THE_START = re.compile(
    r"(?:many|most|several|I|we|you|he|she|it|they|this|that|these|those|there|here|today|currently|because"
    r"|since|although|as|see|note|nb|e\.g|i\.e|for example|such as|only|when|if|why|what|which|who|whose|how"
    r"|where|thanks|thank|hi|hello|dear|regards|kind regards|best regards|cheers|sorry|hope|fyi|tbd|tba|n/a"
    r"|none|caution|warning|important)\b",
    re.IGNORECASE,
)


def _read(text: str, fallback: str, forced: bool = False) -> tuple[Ask, str]:
    if is_imperative(text):
        return Ask.REQUEST, capital(text)
    first = text.split(" ", 1)[0].lower()
    if first in BASE_OF_GERUND and not _TELLS.search(text):
        return Ask.PHRASE, phrase_title(text, fallback)
    if _SIGNS_OF_A_REQUEST.search(text):
        found = _story(text) or _someone(text) or _modal(text) or _labelled(text, fallback)
        if found:
            return found
    if _REFUSAL.match(text):
        return Ask.REFUSAL, capital(text)
    if tells(text):
        return Ask.TALK, capital(text)
    return Ask.PHRASE, phrase_title(text, fallback, forced)


def tells(text: str) -> bool:
    """Whether a text states something, rather than naming a thing."""
    if _TELLS_FROM_THE_START.match(text):
        return True
    relative = _RELATIVE.search(text)
    if relative:
        text = text[: relative.start()]
    if _TELLS.search(text):
        return True
    words = text.lower().split(maxsplit=8)[1:8]
    if any(word in TELLING for word in words):
        return True
    for word, following in pairwise(words):
        base = word.removesuffix("s")
        if base != word and base in NOUN_VERBS and (following in DETERMINERS or following in _AFTER_A_TOLD_VERB):
            return True
    return len(words) > 1 and _is_plural(text.split(" ", 1)[0]) and words[0] in VERBS - NOUN_VERBS


_RELATIVE = re.compile(r" (?:that|which|who|whose|where)\b")
_AFTER_A_TOLD_VERB = frozenset(
    [
        "last",
        "first",
        "wrong",
        "twice",
        "too",
        "again",
        "only",
        "nothing",
        "empty",
        "unexpectedly",
        "randomly",
        "incorrectly",
    ]
) - {"first"}


def is_story(text: str) -> bool:
    """Whether a text is a user story: "As a reader, I want to search, so that I find what I need"."""
    return _STORY.match(text) is not None


def _story(text: str) -> tuple[Ask, str] | None:
    story = _STORY.match(text)
    if story is None:
        return None
    what = _SO_THAT.sub("", story["what"])
    what = re.sub(r"\bmy\b", "their", re.sub(r"\bmyself\b", "themselves", what))
    if what.split(" ", 1)[0].lower() in DETERMINERS:
        return Ask.REQUEST, f"Give {story['who']} {what}"
    return Ask.REQUEST, f"Let {story['who']} {what}"


def _someone(text: str) -> tuple[Ask, str] | None:
    if did := _SOMEONE_DID.match(text):
        verb = did["verb"].lower()
        base = _PAST.get(verb) or BASE_OF_PARTICIPLE.get(verb) or (verb if verb in VERBS else "")
        if base:
            return Ask.REQUEST, capital(f"{base} {did['rest']}")
    if (person := _FOR_SOMEONE.match(text)) and is_imperative(person["what"]):
        return Ask.REQUEST, capital(person["what"])
    missing = _MISSING.match(text)
    if missing and not _IT.match(missing["what"]) and " not " not in text:
        return Ask.REQUEST, phrase_title(missing["what"], "provide")
    if needed := _BE_NEEDED.match(text):
        return Ask.REQUEST, phrase_title(needed["what"] or needed["thing"], "provide")
    return None


def _modal(text: str) -> tuple[Ask, str] | None:
    match = _MODAL.match(text)
    if match is None:
        return None
    subject, modal, rest = match["subject"].strip(), match["modal"].lower(), match["rest"].strip()
    negative = re.match(r"(?:not|never|no longer)\s+(.+)", rest, re.IGNORECASE)
    if negative:
        verb = "do" if _is_plural(subject) else "does"
        if negative[1].startswith("be "):
            return Ask.REFUSAL, f"Make sure {small(subject)} {_be(subject)} not {negative[1][3:]}"
        return Ask.REFUSAL, f"Make sure {small(subject)} {verb} not {negative[1]}"
    if modal == "need":
        return None
    if len(subject.split()) > 1 and tells(subject) and not _US.match(subject):
        return Ask.TALK, capital(text)
    named = _PERSON.match(subject) is not None and not _is_plural(subject) and not rest.startswith("be ")
    if _US.search(subject) or named:
        able = rest.removeprefix("be able to ")
        if first_word(able) in ("have", "be") and modal.startswith(("want", "would", "plan")):
            return Ask.TALK, capital(text)
        wished = modal.startswith(("want", "would", "plan", "is", "are"))
        if is_imperative(able) or first_word(able) in VERBS or not (wished or first_word(able) in _NO_WORK):
            return Ask.REQUEST, capital(able)
        return Ask.TALK, capital(text)
    if rest.startswith("be able to "):
        return Ask.REQUEST, f"Let {small(subject)} {rest[11:]}"
    if _IT.match(subject):
        if first_word(rest) in VERBS:
            return Ask.REQUEST, capital(rest)
        return Ask.TALK, capital(text)
    if _USERS.match(subject) and first_word(rest) != "be":
        return Ask.REQUEST, f"Let {small(subject)} {rest}"
    passive = _PASSIVE.match(rest)
    if passive:
        base = BASE_OF_PARTICIPLE.get(passive["participle"].lower())
        if base and not passive["rest"].startswith("by "):
            return Ask.REQUEST, capital(f"{base} {small(subject)} {passive['rest']}".strip())
        if base:
            return Ask.REQUEST, f"Have {small(subject)} {passive['participle']} {passive['rest']}"
        if _COMPARATIVE.match(rest):
            return Ask.REQUEST, f"Make {small(subject)} {rest[3:]}"
        ask = Ask.TALK if modal == "should" else Ask.REQUEST
        return ask, f"Make sure {small(subject)} {_be(subject)} {rest[3:]}"
    if _THE_SYSTEM.match(subject) and first_word(rest) in VERBS:
        return Ask.REQUEST, capital(rest)
    if modal in ("want to", "wants to", "would like to", "plan to", "plans to", "is to", "are to"):
        return (
            (Ask.TALK, capital(text))
            if "to" in modal and first_word(rest) not in VERBS
            else (Ask.REQUEST, capital(rest))
        )
    return Ask.REQUEST, f"Make {small(subject)} {rest}"


def _labelled(text: str, fallback: str) -> tuple[Ask, str] | None:
    match = _LABEL.match(text)
    if match is None:
        return None
    label, rest = match["label"].strip(), match["rest"]
    role = read_heading(label).role
    _, inner = take_opener(rest)
    inner = _TRAILING.sub("", inner)
    if role is not Role.SKIP and is_imperative(inner) and (" " in inner or role is Role.THEME):
        if is_imperative(label) and " " in label:
            return Ask.REQUEST, capital(label)
        kept = f" ({label})" if _is_part(label) and len(inner) + len(label) < 95 else ""
        return Ask.REQUEST, capital(inner) + kept
    if role not in (Role.THEME, Role.WORK):
        return Ask.TALK, capital(text)
    if is_imperative(label + " it"):
        return Ask.REQUEST, capital(label if " " in label else f"{label} {small(inner)}")
    if len(label.split()) <= 6 and not tells(label):
        return _read(label, fallback)
    return None


def _is_part(label: str) -> bool:
    """Whether a label names a part of the work, such as "CI" or "Backend", rather than whoever does it."""
    low = label.lower()
    known = COMMON_WORDS | COMPOUND_TAILS | HEAD_VERBS.keys() | _PARTS_OF_SOFTWARE
    return len(label) <= 30 and (
        low in known or (label.isupper() and len(label) > 1) or " " in label or label != label.title()
    )


def first_word(text: str) -> str:
    """Return the first word of a text in small letters."""
    word = _FIRST_WORDS.match(text)
    return word[1].lower() if word else ""


def _is_plural(subject: str) -> bool:
    last = subject.split(" of ")[0].split(" for ")[0].split()[-1].lower()
    return (last.endswith("s") and not last.endswith(("ss", "us", "is"))) or last in (
        "people",
        "data",
        "they",
        "these",
        "those",
        "criteria",
        "children",
    )


def _be(subject: str) -> str:
    return "are" if _is_plural(subject) else "is"


def _without_article(words: list[str]) -> list[str]:
    return words[1:] if words and words[0].lower() in ("the", "a", "an") else words
