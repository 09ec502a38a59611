"""The forms in which an English sentence asks for something, and whom it asks."""

import re

STORY = re.compile(
    r"as (?P<who>an? [^,]{2,60}?),? (?:I|we) (?:want|would like|need|wish|can|must|should|have)"
    r"(?: to be able)?(?: to)? (?P<what>.+)",
    re.IGNORECASE,
)

SO_THAT = re.compile(r",? (?:so that|so I|so we|in order to|because)\b.*", re.IGNORECASE)

MODAL = re.compile(
    r"(?P<subject>[^,;:!?]{1,100}?) (?:(?:will|also|then|still|really|just|now|only|first|always|probably"
    r"|definitely|therefore) ){0,2}"
    r"(?P<modal>needs? to|must|shall|should|has to|have to|ought to|wants? to|would like to|plans? to|will|(?:is"
    r"|are) (?:required |supposed |expected )?to|need) "
    r"(?:(?:also|then|still|really|just|now|first|always|probably|only|at least|therefore|immediately"
    r"|automatically|ideally) ){0,2}(?P<rest>.+)",
    re.IGNORECASE,
)

US = re.compile(
    r"(?:^|\s)(?:we|I|you|someone|somebody|one|anyone|(?:the|our) (?:[\w-]+ )?(?:team|developers?|engineers?"
    r"|maintainers?|group|staff|agent))$",
    re.IGNORECASE,
)

WE = re.compile(r"(?:we|I|(?:the|our) team)(?: both| all)?$", re.IGNORECASE)

WE_WILL = re.compile(r"\b(we|I)(?:'|\u2019)ll\b", re.IGNORECASE)

WE_WOULD = re.compile(r"\b(we|I|you)(?:'|\u2019)d(?= (?:need|have) to\b)", re.IGNORECASE)

PARTS_OF_SOFTWARE = frozenset(
    """
    backend frontend infra infrastructure ops mobile ios android server client core docs tests readme security
    design
    """.split()  # noqa: SIM905 - a list of words reads as one
)

NO_WORK = frozenset(["be", "have", "know", "say", "see", "hope", "feel", "understand", "believe", "wait", "like", "go"])

PERSON = re.compile(r"@?[A-Z][a-z]+(?: (?:and|&) [A-Z][a-z]+)?$")

# "Then Mel writes the texts": the subject is a person, so that this is a step.
SOMEBODY_DOES = re.compile(
    r"(?:[A-Z][a-z]+(?: (?:and|&) [A-Z][a-z]+)?|(?:the|our|my|an?) (?:[\w-]+ )?(?:accountant|agency|analyst|architect"
    r"|assistant|board|caterer|chef|committee|contractor|coordinator|crew|department|designer|developer|director|editor"
    r"|electrician|engineer|gardener|group|lawyer|lead|maintainer|manager|nurse|painter|photographer|plumber"
    r"|producer|researcher|reviewer|secretary|staff|supplier|teacher|team|tester|trainer|translator|vendor"
    r"|volunteer|writer)s?) (?P<verb>[a-z]+) (?P<rest>.+)"
)

# "The job gets a lock", as a part of an agreement.
GETS = re.compile(
    r"(?P<what>(?:the|our|each|every|all) [^,.;:]{2,60}?) (?:gets?|receives?) (?P<thing>an? .+)", re.IGNORECASE
)

IT = re.compile(r"(?:it|they|this|these|that|those|he|she|which|who|there|what|everything|nothing|all)$", re.IGNORECASE)

THE_SYSTEM = re.compile(
    r"(?:the |our |this )(?:system|app|application|tool|product|solution|platform|software|program|user "
    r"interface|implementation|new (?:system|app|application|tool|version))$",
    re.IGNORECASE,
)

USERS = re.compile(
    r"^(?:(?:the|all|new|our|registered|authenticated|logged-in|any|every|each|an?|only) )*(?:[\w-]+ )?"
    r"(?:users?|customers?|admins?|administrators?|visitors?|members?|operators?|guests?|owners?|agents?|editors?"
    r"|readers?|developers?|students?|teachers?|patients?|employees?|managers?|clients?|people|person|drivers?"
    r"|buyers?|sellers?|players?|authors?|technicians?|applicants?|subscribers?|callers?|reviewers?|parents?"
    r"|tenants?|merchants?)$",
    re.IGNORECASE,
)

PASSIVE = re.compile(
    r"be (?:(?:also|fully|properly|correctly|automatically|always|then|completely|newly) )?"
    r"(?P<participle>[a-z-]+)\b ?(?P<rest>.*)",
    re.IGNORECASE,
)

COMPARATIVE = re.compile(
    r"be (?:much |a lot |a bit )?(?:[a-z]{3,}er|more|less|better|visible|available|possible|optional|configurable)\b",
    re.IGNORECASE,
)

MISSING = re.compile(
    r"(?P<what>.{3,90}?) (?:is|are) (?:still |also |currently )?(?:needed|required|necessary|missing"
    r"|wanted)\b(?P<rest>.*)",
    re.IGNORECASE,
)

BE_NEEDED = re.compile(
    r"there (?:should|must|needs? to|has to|have to|ought to) be (?P<what>.+)"
    r"|(?:we|I|you|they)(?: also| still| will)* (?:need|lack) (?P<thing>(?!to\b).+)",
    re.IGNORECASE,
)

SOMEONE_DID = re.compile(
    r"it would be (?:great|nice|good|helpful|useful|lovely|best|better|perfect|cool) if (?:someone|somebody"
    r"|you|we|anyone|one of you|the team) (?:could |would |also )*(?P<verb>[a-z]+) (?P<rest>.+)",
    re.IGNORECASE,
)

WISH = re.compile(
    r"(?:it would (?:(?:really|also|greatly|certainly) )?(?:help|be) [^,.;]{0,60}?if|I wish|if only) "
    r"(?P<who>[^,.;]{1,80}?) (?:could|would|can|were able to) (?P<rest>.+)",
    re.IGNORECASE,
)

HELPFUL = re.compile(
    r"(?P<what>(?:an? |some |more )[^,.;]{3,90}?) would (?:(?:also|really) )?"
    r"(?:help|be (?:nice|great|good|helpful|useful|lovely|welcome))\b.*"
    r"|(?:I|we)(?:'d| would|\u2019d) (?:like|love) to (?P<verb>see|have|get) (?P<thing>.+)",
    re.IGNORECASE,
)

LACKS = re.compile(
    r"(?P<what>(?!(?:I|we|you|they|it|this|that|which|who|what|there)\b)[^,.;:]{3,60}?) (?:also )?(?:needs?|lacks?) "
    r"(?P<thing>(?:an? (?!lot|bit|few|while|long|couple|second|minute|hour|day|week|month|year)"
    r"|new |better |proper ).+)",
    re.IGNORECASE,
)

PAST = {
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

FOR_SOMEONE = re.compile(
    r"(?P<who>[A-Z][a-z]+(?: (?:and|&) [A-Z][a-z]+)?|@[\w-]+|[A-Z]{2,5}|all|everyone|everybody) (?:to|will|should) "
    r"(?P<what>[a-z].*)"
)
