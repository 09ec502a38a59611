"""Openers: first words of a sentence that only connect, state an order or ask politely."""

import re
from enum import StrEnum

from ._imperatives import first_word, is_imperative
from ._words import ENGLISH


class Order(StrEnum):
    """The place that a text states for itself among the others."""

    NONE = "none"
    FIRST = "first"
    THEN = "then"
    LAST = "last"
    EARLIER = "earlier"  # before the text just read


def take_opener(text: str) -> tuple[Order, str]:
    """Take the opener off a sentence, and return the order that it states and the rest."""
    order = Order.NONE
    for _ in range(4):
        opener = _OPENER.match(text)
        if opener is None or opener.end() == len(text) or _is_adjective(opener[0], text[opener.end() :]):
            break
        if order is Order.NONE:
            order = next((Order(name) for name, words in opener.groupdict().items() if words), Order.NONE)
        text = text[opener.end() :]
    return order, text


def _is_adjective(word: str, rest: str) -> bool:
    """Tell whether "first", "next" or "last" belongs to a thing, as in "first aid kit"."""
    if word.strip().lower() not in ("first", "next", "last") or rest[0].isupper():
        return False
    return first_word(rest) not in ENGLISH and not is_imperative(rest)


def is_number(label: str) -> bool:
    """Tell whether a label only numbers an item, such as "FR-1" or "Step 2"."""
    return any(sign.isdigit() for sign in label) and take_opener(f"{label}: x")[1] == "x"


# "Once that is done" is about the text just before, "once all of these are merged" about everything before.
_DONE = (
    r"(?:(?: is| are| has been| have been|'s|\u2019s|'re)(?: all| both| fully| completely| successfully)?"
    r" (?:done|finished|completed?|over|in place|in|out|live|ready|merged|fixed|closed|resolved|shipped|released"
    r"|deployed|landed|through|green|working|implemented|approved|accepted|available)| works?| pass(?:es)?)"
)
_ALL_BEFORE = (
    r"(?:(?:all|both|everything|each)(?: of)?(?: the| this| that| these| those| them| it)?|these|those|they|the)"
    r"(?: (?:two|three|four|five|other|above|previous|preceding))?"
    r"(?: (?:steps|tasks|items|points|changes|parts|things|pieces|fixes|issues|tickets|stories|prs|pull requests"
    r"|patches|checks|lists?|tables?|boxes|phases|stages|work|rest|above|else))?(?: above)?(?<! the)"
)
_ALL_DONE = re.compile(rf"{_ALL_BEFORE}{_DONE}$", re.IGNORECASE)


def speaks_of_all_before(clause: str) -> bool:
    """Tell whether a clause such as "both of these are merged" is about everything before it."""
    return _ALL_DONE.match(clause) is not None


_OPENER = re.compile(
    r"(?:(?:I|we) (?:think|guess|believe|feel|suggest|propose)(?: that)?(?= (?:we|you|I|it|someone|the)\b)"
    r"|(?P<first>first(?:ly)?(?: of all)?|to (?:begin|start)(?: with)?(?=,)|as a first step|step one"
    r"|initially|in a first step|the first (?:step|thing)(?: to do)? is to"
    r"|(?:(?:we|I)(?: will|'ll|\u2019ll) )?(?:start|begin) by(?= [a-z]+ing))"
    r"|(?P<then>and then|then|next|after (?:that|this|which)|afterwards?|subsequently|thereafter"
    r"|second(?:ly)?|third(?:ly)?|fourth(?:ly)?|fifth(?:ly)?"
    rf"|later(?: on)?|(?:once|when|after|as soon as) (?:that|this|it){_DONE}(?=[,:])"
    r"|once done|when done|once finished|as a (?:second|next|third) step|the (?:next|second|third) (?:step"
    r"|thing)(?: to do)? is to|from there|with that (?:done|in place)|only then)"
    r"|(?P<last>finally|lastly|last(?: but not least)?|at the (?:very )?end|in the end|to finish|as a (?:last"
    r"|final) step|the (?:last|final) step is to|to conclude|to wrap up"
    rf"|(?:once|when|after|as soon as) {_ALL_BEFORE}{_DONE}(?=[,:]))"
    r"|(?P<earlier>before (?:that|this|doing so|you do(?: that| so| this)?|we do(?: that| so| this)?)"
    r"|beforehand|prior to (?:that|this))"
    r"|[\w-]{2,20}(?=, (?:could|can|would|will) (?:you|someone|somebody|anyone)\b)"
    r"|(?:hi|hello|hey|dear|good (?:morning|afternoon|evening))(?: (?:all|there|both|[\w-]{2,20})){0,2}(?=[,!] )!?"
    r"|by the way|btw|please|kindly|also|and|but|so|just|now|in addition(?: to (?:that|this))?|additionally|furthermore"
    r"|moreover|besides(?: that)?|ideally|optional(?:ly)?|if (?:possible|needed|necessary|time permits|there "
    r"is time)|(?:where|when|if) (?:possible|appropriate|applicable)"
    r"|as well|eventually|meanwhile|in (?:parallel|the meantime)|at the same time|simply|maybe|perhaps"
    r"|preferably|obviously|of course|therefore|thus|hence|instead|alternatively|otherwise|generally"
    r"|basically|again|soon|today|tomorrow|asap"
    r"|while (?:you are|you're|we are|we're|I am|I'm) (?:at it|there)|don't forget to|do not forget to"
    r"|don\u2019t forget to|remember to|be sure to|make sure to|make sure you|try to|start to|feel free to"
    r"|let's|let us|let\u2019s|we just|all we need to do is(?: to)?|what we need to do is(?: to)?|what(?:'s| "
    r"is) (?:left|missing) is to"
    r"|(?:the )?(?:task|job|plan|idea|work|next task|solution|fix|remedy"
    r"|approach) (?:is|(?:w|sh|c)ould be) to|(?:you|we) (?:can|could|might|may)(?: "
    r"(?:want|like|wish) to)?(?: "
    r"also)?|(?:we|I|you)(?: will|'ll|\u2019ll)(?: also)?(?= (?:need|have) to)"
    r"|(?:could|can|would|will) (?:you|someone|somebody|anyone|we|one of you)(?: please| maybe| possibly| "
    r"also)*|(?:it (?:is|'s)|it\u2019s|it would (?:also |really )?be|it will be|it'd be) (?:important|necessary"
    r"|essential"
    r"|crucial|time|best|good|nice|great|helpful|useful|worth|better|wise|advisable|required)(?: for us| for you)? to"
    r"|(?:we|I|you)(?:'d| would|\u2019d) (?:like|love)(?: you| us| someone)? to(?! (?:see|have|get)\b)"
    r"|(?:we|I)(?: really| also)? "
    r"(?:want|need|expect|ask)(?: you| us| someone) to"
    r"|we(?:'d| would|\u2019d)? (?:propose|suggest|recommend|intend|are going|agreed|decided) to"
    r"|I(?:'d| would|\u2019d)? (?:propose|suggest|recommend)(?: that we| we| to)?"
    r"|(?:todo|to-do|to do|task|action|action item|ai|step|item|req|fr|nfr|us|uc|tc|ac|br|r|requirement|story"
    r"|user story|feature|fixme|must|should|could|p[0-4]|low|medium|high|critical|optional|new"
    r"|wip)\s?(?:[-#]?\s?[0-9]{1,4}(?:\.[0-9]{1,3})*)?\s?[:)\]\u2013\u2014]+"
    r"|[A-Z][A-Z0-9]{1,9}-[0-9]{1,6}\s?[:)\]\u2013\u2014-]*|#[0-9]{1,7}\s?[:)\u2013\u2014-]*"
    r"|\[[^\]]{1,24}\]\s?[:-]?|\((?:p[0-4]|[0-9.]{1,4} ?(?:h|d|sp|pts?|points?|days?|hours?)|optional|must"
    r"|should|could|high|medium|low|critical|nice to have)\)|[0-9]{1,3}(?:\.[0-9]{1,3})*[.):]"
    r"|(?:@[\w-]{1,39}(?: (?:and|&) @[\w-]{1,39})*)(?: (?:to|will|should|can|please)(?= [a-z]))?:?"
    r"|[-\u2013\u2014>*+\u2022|/]+(?=\s)"
    r")[,:]?(?:\s+|$)",
    re.IGNORECASE,
)
