"""The words that tell work from talk: verbs of work, their forms, and the small words around them."""

import re

# Verbs that ask for work when a sentence begins with them.
_PLAIN_VERBS = """
abolish accelerate accept accompany acquire activate adapt add address adjust adopt advertise advise agree align
allocate allow analyse analyze announce anonymise anonymize answer appoint apply approve archive arrange ask assemble
assess assign assure attach authenticate authorise authorize automate avoid back backfill backport balance ban batch
begin benchmark bind block book boost borrow bootstrap brainstorm bring broadcast brief bring build bump bundle buy
calculate calibrate call cancel capture carry catch centralise centralize certify check choose clarify clean clear
clone close coach collect combine commission commit communicate compare compile complete compress compute conduct
configure confirm connect consider consolidate construct consult contact containerise containerize continue contribute
convert convince coordinate copy correct count cover crawl create cut deactivate debounce debug decide declare decline
decommission decouple dedupe deduplicate define delegate delete deliver demonstrate deploy deprecate derive describe
deselect destroy detach detect determine develop devise diagnose differentiate digitise digitize disable disallow
disconnect discover discuss display distribute divide dockerise dockerize download draft drain drop dry duplicate edit
educate eliminate email embed emit employ empower enable encode encourage encrypt end enforce enhance enrich ensure
enter equip escalate establish estimate evaluate evict examine exclude execute expand expire explain explore expose
extend extract fail familiarise familiarize fetch figure fill finalise finalize find finish fix flag flatten flush
focus follow forbid force forecast fork formalise formalize format formulate forward freeze fund gather generate get
give go grant group grow guard guarantee guide hand handle harden harmonise harmonize hide highlight hire hold hook
host identify ignore illustrate implement import improve incorporate increase inform ingest inherit initialise
initialize initiate inject insert inspect install instruct instrument integrate interview introduce invalidate
inventory invest investigate invite involve isolate issue iterate join keep kick label land launch learn let leverage
limit link list load localise localize locate lock look lower maintain make manage mark measure meet memoize mention
merge migrate minimise minimize mitigate mock model modernise modernize modify monitor mount move narrow negotiate
normalise normalize notify obtain offer onboard open optimise optimize orchestrate ordain organise organize outline
overhaul override own pack package page paginate paint parallelise parallelize parameterise parameterize parse patch
pay perform persist persuade phase pick pin place point poll polish populate port post practise predict prefetch
prepare present preserve press prevent prioritise prioritize procure produce profile prohibit promote proofread
propose protect prototype prove provide provision prune publish pull purchase purge push put qualify quantify query
quote raise reach read rearrange rebase rebuild recalculate receive reclaim recommend reconcile record recover
recreate recruit recycle redeploy redesign redirect redact reduce refactor refine refresh regenerate register
reinstall reject relaunch relax release relocate remind remove rename render renew renovate reopen reorganise
reorganize repaint repair repeat replace replicate reply report reproduce request require reroute reschedule research
reserve reset reshape resize resolve respect respond restart restore restrict restructure resume retain retest rethink
retire retrain retrieve retry reuse revert review revise revisit revoke reword rework rewrite roll rotate round route
run sanitise sanitize save scaffold scale scan schedule scope scrape script search secure seed select sell send
separate serialise serialize serve set settle setup shard share sharpen ship shorten show shrink shut sign simplify
simulate size sketch skip slice smoke snapshot sort source specify speed spin split squash stabilise stabilize stage
standardise standardize start stop store streamline strengthen strip structure study style submit subscribe substitute
summarise summarize supply support surface survey suspend swap switch sync synchronise synchronize tag take talk
target teach tear tell terminate test think throttle tidy tighten time toggle track train transfer transform
transition translate trial triage trigger trim troubleshoot try tune turn tweak type unblock uncouple undeploy unify
uninstall unify unlink unlock unpin unsubscribe update upgrade upload use validate vacuum vary vendor verify version
vet visit visualise visualize wait walk warn wash watch weigh whitelist widen wire withdraw wrap write sponsor ping
chase leave code overlap phone nominate donate hang cook bake dust mow plant water harvest sew drill glue sand varnish
tile plaster prime unpack vacate rent lease recharge refill refuel rinse shop fly park enrol enroll memorise memorize
practice rehearse transcribe annotate tabulate interpret synthesise synthesize dilute randomise randomize debrief cite
unmount cordon reboot dump demote warm allowlist blacklist denylist tokenise tokenize hash salt escape unescape inline
lint typecheck stub fuzz obfuscate minify transpile preload prerender virtualise virtualize right-size motivate
supervise celebrate thank greet welcome treat feed clarify mediate reassure deepen widen heighten loosen fasten attend
bid pitch chart sum solve answer weigh staff equip zip sow rake weed knit carve bisect denormalise denormalize
notarise notarize offboard uncordon repoint unwrap unzip apologise apologize boil decorate fry invent melt mend
moderate mop paste peel pour rub seek soak squeeze stir stretch subtract sweep tow understand accommodate administer
aggregate amend amplify append articulate ascertain assert assist attract augment broaden bypass cater characterise
characterize circulate classify collaborate compose conceal condense conserve convene cooperate curate customise
customize decode decrease decrypt dedicate defer diminish discard disclose dismantle dispatch dispose distil divert
downgrade downscale draw drive elaborate elicit emphasise emphasize emulate encapsulate endorse engage enumerate erase
evolve exempt extrapolate facilitate fold foster fulfil fulfill furnish honor honour hydrate impose include infer
influence inquire intercept interpolate intervene itemise itemize judge lay lengthen liaise lift listen lobby
lubricate match maximise maximize modularise modularize multiply navigate nurture observe offload omit operate
outsource oversee overwrite penalise penalize photograph pinpoint postpone precompute preregister preselect prolong
propagate purify rationalise rationalize reactivate readjust reapply reassess rebalance rebrand recompile reconfigure
reconnect reconsider redefine reflect reformat refurbish reimburse reimplement reinforce relabel reload remedy remodel
renumber repurpose resend reskin retrofit revalidate revamp reverse revitalise rewire ring safeguard scrub shelve
shoot sift sing skim smooth soften solicit spawn spend spread sprinkle stagger steer stimulate stitch subdivide
supersede suppress sustain tailor taper transcode traverse typeset undelete undertake undo unmute unpublish unroll
unset untangle uphold upskill utilise utilize weave weld winterise winterize wipe decompress deny unfreeze thaw pause
halt reveal rerun quarantine stock restock refill drop partition
"""

# Verbs that are as often nouns: alone, or before another noun, they name a thing.
_NOUN_VERBS = """
travel change charge cluster cap empty mask mirror mix plug pump seal spray tap tie transport brand budget claim
discount film pair reference refund reorder shift spot stack stamp template trace reward access alert audit benchmark
block bug cache call catalogue chart check comment contract cost cover cut debug demo deploy design display document
email end estimate exercise experiment export fence file filter fix flag focus form format forward function group
guard guide handle hook host import index input interview inventory invoice issue join label launch lead limit line
link list load lock log look mail map mark market measure merge message mock model mount move name note number offer
order outline own package page paint patch phase pilot pin place plan plot point poll post present price print process
profile program project promote prompt prototype pull purchase push query question queue quote rate reach record
refresh release reply report request research reserve reset retry return review rework roll round route run sample
scale scan schedule scope score script search seed service set setup shape share ship show sign size sketch sort
source spike stage start state step stop store stress structure study style supply support surface survey switch sync
tag target task test time toggle touch tour track trade train transfer transition trial trigger turn type update
upgrade upload use value version view visit vote walk watch work wrap
"""

# Nouns that may follow a noun that looks like a verb: "order history", "rate limit", "test coverage".
COMPOUND_TAILS = frozenset(
    """
    account address alert area bar behaviour behavior board book box button cache card case chain channel chart
    check class client code collection column command component condition configuration contract control controller
    coverage criteria dashboard database date deadline design dialog directory document engine environment error
    event expiry export failure feature field file flag flow format framework function group guide guidelines
    gateway handler handling history hook hooks id identifier import index infrastructure integration interface interval
    item job key kit layer layout level levels library limit limiting limits line link list location log logic machine
    management manager menu message method mode model module name names note notes number object option order
    output owner page panel pattern performance period permission phase pipeline plan point points policy pool port
    procedure process processing queue rate rates record report request response result results review role room
    rule runner schedule schema scope screen script section server service session setup sheet site size source
    space specification speed stack state statement status step storage store strategy suite support system table
    tag target team template theme threshold time timeout times token tool tracking type types unit usage use user
    validation value version view volume window workflow cases costs rights
    """.split()  # noqa: SIM905 - a list of words reads as one
)

# Words that often begin a phrase and are not names.
COMMON_WORDS = frozenset(
    """
    must nice functional non-functional could account action active audio auto basic battery better big billing
    black blue bold book bulk button cheap checkout clean clear client cloud code colour color company content
    corporate cold current custom customer daily dark data database deep default demo desktop digital direct double
    dry dynamic early easy empty external fast final fine first flat food form free fresh front full general global
    good green group hard health heavy help high home homepage hot idle image inline inner internal item key
    keyboard kitchen large late law left legal light link live load local log long low mail main major manual
    market media memory menu minor mobile modal model money monthly mouse music network new night office old online
    onboarding open order outer own paper partial password payment people performance permission phone photo plain
    policy poor power price print privacy private product public quality quick raw real red remote rich right rough
    route safe sales sample search security self server session shared short signup simple single site slow small
    smart social soft sound source spare special staff staging static stock strong support synthetic system team
    technical temporary test text third time tiny top traffic travel type typo unit unused upper user video visual
    voice wall warm water weak web website weekly white wide wild work world yearly
    """.split()  # noqa: SIM905 - a list of words reads as one
)

VERBS = frozenset((_PLAIN_VERBS + _NOUN_VERBS + "do dry-run double-check").split())
NOUN_VERBS = frozenset(_NOUN_VERBS.split())
ARTICLES = frozenset(["a", "an", "the", "all", "our", "your", "their", "its", "each", "every", "this", "these"])
DETERMINERS = frozenset(
    """
    a all an and any at back both down each either every everybody everyone for from her his how if in into it its
    itself least less me more most my new off on one only or other our out over some someone such that the their
    them these this those two three four five through to together two under up us what when where whether which who
    why with your yourself
    """.split()  # noqa: SIM905 - a list of words reads as one
)

_IRREGULAR = {
    "begin": "begun", "bind": "bound", "break": "broken", "bring": "brought", "build": "built", "buy": "bought",
    "catch": "caught", "choose": "chosen", "cut": "cut", "do": "done", "draw": "drawn", "drive": "driven",
    "find": "found", "forbid": "forbidden", "freeze": "frozen", "get": "got", "give": "given", "go": "gone",
    "grow": "grown", "hide": "hidden", "hold": "held", "keep": "kept", "lead": "led", "learn": "learnt",
    "let": "let", "make": "made", "meet": "met", "overhaul": "overhauled", "override": "overridden", "pay": "paid",
    "proofread": "proofread", "prove": "proven", "put": "put", "read": "read", "rebuild": "rebuilt",
    "redo": "redone", "rerun": "rerun", "reset": "reset", "rethink": "rethought", "rewrite": "rewritten",
    "run": "run", "sell": "sold", "send": "sent", "set": "set", "show": "shown", "shrink": "shrunk", "shut": "shut",
    "spin": "spun", "split": "split", "take": "taken", "teach": "taught", "tear": "torn", "tell": "told",
    "think": "thought", "lay": "laid", "oversee": "overseen", "overwrite": "overwritten", "resend": "resent",
    "ring": "rung", "shoot": "shot", "sing": "sung", "spend": "spent", "spread": "spread", "undertake": "undertaken",
    "undo": "undone", "uphold": "upheld", "weave": "woven", "wind": "wound",
    "withdraw": "withdrawn", "write": "written",
}  # fmt: skip
_DOUBLING = re.compile(r"(?:^|[^aeiou])[aeiou][bdgklmnprtv]$")
_STRESSED_EARLIER = frozenset(
    """
    alter answer audit benefit cover credit debug deliver develop differ edit enter filter gather limit lower
    market monitor number offer open order target trigger visit render register consider model cancel travel
    broaden widen strengthen shorten tighten sharpen harden deliver deter index profit revisit discover recover
    uncover remember administer cater foster honor lengthen listen soften solicit stagger tailor inherit
    exhibit prohibit
    """.split()  # noqa: SIM905 - a list of words reads as one
) - {"debug", "deter"}


def _forms(verb: str) -> tuple[str, str]:
    """Return the gerund and the participle of a verb."""
    if verb.endswith("e") and not verb.endswith(("ee", "oe", "ye")):
        stem = verb[:-1]
        gerund, past = stem + "ing", stem + "ed"
    elif verb.endswith("y") and verb[-2] not in "aeiou":
        gerund, past = verb + "ing", verb[:-1] + "ied"
    elif _DOUBLING.search(verb) and verb not in _STRESSED_EARLIER:
        gerund, past = verb + verb[-1] + "ing", verb + verb[-1] + "ed"
    else:
        gerund, past = verb + "ing", verb + "ed"
    return gerund, _IRREGULAR.get(verb, past)


BASE_OF_GERUND = {_forms(verb)[0]: verb for verb in sorted(VERBS | {"do"})}
BASE_OF_PARTICIPLE = {_forms(verb)[1]: verb for verb in sorted(VERBS | {"do"})}
BASE_OF_PARTICIPLE |= {"cancelled": "cancel", "labelled": "label", "modelled": "model", "benchmarked": "benchmark"}
BASE_OF_GERUND |= {"cancelling": "cancel", "labelling": "label", "modelling": "model", "lying": "lie"}


def _third_person(verb: str) -> str:
    if verb.endswith(("s", "x", "z", "ch", "sh", "o")):
        return verb + "es"
    return verb[:-1] + "ies" if verb.endswith("y") and verb[-2] not in "aeiou" else verb + "s"


# Nouns that are rarely met alone, but in the plural: "signed commits".
SOMETIMES_NOUNS = frozenset(
    """
    answer bid build bundle clone code commit contact copy crawl draft drill dump edit feed figure find fork grant hire
    insert install lift lock mention pick pitch plant port repair rewrite sponsor swap talk tile tweak
    """.split()  # noqa: SIM905 - a list of words reads as one
)

BASE_OF_THIRD_PERSON = {_third_person(verb): verb for verb in sorted(VERBS)} | {"does": "do", "has": "have"}

# "The import takes six hours": verbs of statements. Those that may be plural nouns are left out.
TELLING = frozenset(_third_person(verb) for verb in VERBS - NOUN_VERBS - SOMETIMES_NOUNS) | frozenset(
    """
    overlaps appears appear belongs belong costs crashes depends depend exists exist fails freezes happens happen hangs
    leaks lies looks loses lose needs occurs occur remains remain responds respond says seems seem shows speaks
    stands stays stay sits spends thinks throws works went took came showed said thought made found began became
    felt got met wrote ran gave kept left lost sent
    """.split()  # noqa: SIM905 - a list of words reads as one
)

# Nouns that are made of verbs: "migration of the data" asks to migrate the data.
VERB_OF_NOUN = {
    "activation": "activate", "adaptation": "adapt", "addition": "add", "adjustment": "adjust", "adoption": "adopt",
    "analysis": "analyse", "announcement": "announce", "approval": "get approval for", "assessment": "assess",
    "automation": "automate", "cleanup": "clean up", "clean-up": "clean up", "collection": "collect",
    "comparison": "compare", "compilation": "compile", "configuration": "configure", "consolidation": "consolidate",
    "conversion": "convert", "creation": "create", "definition": "define", "deletion": "delete", "delivery": "deliver",
    "deployment": "deploy", "deprecation": "deprecate", "development": "develop", "documentation": "document",
    "elimination": "eliminate", "encryption": "encrypt", "evaluation": "evaluate", "examination": "examine",
    "extension": "extend", "extraction": "extract", "generation": "generate", "identification": "identify",
    "implementation": "implement", "improvement": "improve", "inspection": "inspect", "installation": "install",
    "integration": "integrate", "introduction": "introduce", "investigation": "investigate",
    "measurement": "measure", "migration": "migrate", "modernisation": "modernise", "modernization": "modernize",
    "monitoring": "monitor", "normalisation": "normalise", "optimisation": "optimise", "optimization": "optimize",
    "organisation": "organise", "preparation": "prepare", "presentation": "present", "prioritisation": "prioritise",
    "prioritization": "prioritize", "publication": "publish", "reduction": "reduce", "refactoring": "refactor",
    "registration": "register", "removal": "remove", "renewal": "renew", "replacement": "replace",
    "reproduction": "reproduce", "restoration": "restore", "review": "review", "revision": "revise",
    "rollout": "roll out",
    "selection": "select", "setup": "set up", "set-up": "set up", "simplification": "simplify",
    "specification": "specify", "standardisation": "standardise", "testing": "test", "training": "train",
    "transformation": "transform", "translation": "translate", "upgrade": "upgrade", "update": "update",
    "validation": "validate", "verification": "verify", "visualisation": "visualise", "visualization": "visualize",
}  # fmt: skip

_WRITE = """
article articles blog brief changelog doc docs documentation essay faq guide guides handbook instructions letter
manual memo minutes newsletter notes paper playbook policy post postmortem press proposal proposals readme
recommendation report reports rfc runbook runbooks script scripts spec specification specs story summary test tests
tutorial tutorials wiki
"""
_SET_UP = """
account accounts alert alerting alerts backup backups ci cluster environment environments hosting infrastructure
machine monitor monitoring network pipeline pipelines repo repository server servers staging vpn webhook webhooks
"""
_BUILD = """
adapter api apis app application cli client component components dashboard dashboards dialog endpoint endpoints
form frontend gui importer interface mockup mockups module page pages parser plugin portal prototype prototypes
screen screens sdk service tool ui view views website widget widgets wizard
"""
_FIX = """
breakage bug bugs crash crashes deadlock defect defects error errors exception failure failures flaw glitch issue
issues leak leaks problem problems race regression regressions timeout timeouts typo typos vulnerabilities
vulnerability weakness
"""
_CARRY_OUT = """
analysis assessment audit benchmark benchmarks check checks comparison conversion deployment evaluation experiment
experiments interview interviews inventory investigation migration pilot rehearsal research review reviews rollout
survey test-run training trial walkthrough workshop workshops
"""
_ADD = """
button buttons column columns field fields filter filters flag flags index indexes indices label labels link links
logging metrics option options setting settings support toggle validation
"""
_VERB_OF_HEAD = {
    "add": _ADD,
    "write": _WRITE,
    "set up": _SET_UP,
    "build": _BUILD,
    "fix": _FIX,
    "carry out": _CARRY_OUT,
}
HEAD_VERBS = {noun: verb for verb, nouns in _VERB_OF_HEAD.items() for noun in nouns.split()}

ENGLISH = frozenset(
    """
    a about after all also an and any are as at be because before but by can cannot could do does each every first
    for from has have how if in into is it its more must need needs new next no not of off on once one only or our
    out over per should so some than that the their them then there these they this to until up use was we what
    when where which while who will with without would you your
    """.split()  # noqa: SIM905 - a list of words reads as one
)
# Only words that English does not have.
FOREIGN = frozenset(
    """
    aan aber alle als andere auch auf aus bei beim bis como con dans das de degli dei del della dem den der des det
    dla dos du durch een ein eine einen einer el elke en ent entre er est et eux für gli haben het hun ihre ist je
    jest kan keine la las le les leur lo los mais met mit muss müssen nach nicht nie nos nous och oder ou para pas
    pero por pour que qui se sein sich sie sind sono sont sur til tous toutes um una und une unos uns van vom von
    vor voor was werden wie wir zijn zu zum zur über și är
    """.split()  # noqa: SIM905 - a list of words reads as one
) - {"was", "die", "um", "met", "as", "en"}
