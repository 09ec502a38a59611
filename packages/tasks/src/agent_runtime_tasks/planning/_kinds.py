"""The kinds of work: the small plan for each, and the verbs that they are recognised by."""

# Each kind has phases, each with its name and its steps. {it} is the object, {whole} the object with everything said
# about it, {do} the sentence as "do this". {source} and {to} are the ends of a migration, {who} and {what} the parts of
# a permission.
KINDS: dict[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
    "bug": (
        ("Track down {it}", ("Reproduce {whole}", "Find the cause of {it}")),
        (
            "Put an end to {it}",
            ("Remove the cause of {it}", "Add a regression test for {it}", "Confirm that {it} no longer occurs"),
        ),
    ),
    "migration": (
        (
            "Prepare the move of {it}",
            (
                "Take stock of {it} and what depends on it",
                "Set up {to} for {it}",
                "Rehearse the move of {it} with a copy",
            ),
        ),
        (
            "Carry out the move of {it}",
            ("Move {it} to {to}", "Verify {it} after the move", "Retire {source} once nothing needs it"),
        ),
    ),
    "replacement": (
        (
            "Prepare the change of {it}",
            ("Take stock of {it} and what depends on it", "Try out the change of {it} on a copy"),
        ),
        (
            "Carry out the change of {it}",
            ("{do} step by step", "Verify what depends on {it} after the change", "Clean up what {it} leaves behind"),
        ),
    ),
    "permission": (
        ("Work out how {who} will {what}", ("Specify how {who} will {what}", "Design what {who} see when they {what}")),
        (
            "Make it possible to {what}",
            ("Build what lets {who} {what}", "Test that {who} can {what}", "Explain to {who} how to {what}"),
        ),
    ),
    "feature": (
        ("Work out {it}", ("Specify what {whole} must do", "Design how {it} fits in with what there is")),
        ("Deliver {it}", ("Build {it}", "Test {it}", "Document {it} for those who use it")),
    ),
    "question": (
        ("Look into {whole}", ("Gather what is known about {whole}", "List possible answers to {whole}")),
        ("Answer {whole}", ("Check the possible answers to {whole}", "Report {whole} and what follows from it")),
    ),
    "research": (
        ("Prepare to judge {it}", ("Gather what is known about {whole}", "Define the criteria that {it} is judged by")),
        (
            "Come to a result on {it}",
            ("Examine {it} against the criteria", "Write up the findings on {it} with a recommendation"),
        ),
    ),
    "choice": (
        ("Narrow down {it}", ("Collect the requirements for {whole}", "List the candidates for {it}")),
        ("Settle {it}", ("Compare the candidates for {it}", "Decide on {it} and record why")),
    ),
    "release": (
        ("Get {it} ready", ("Settle what goes into {whole}", "Test {whole}", "Write the release notes for {it}")),
        ("Bring {it} out", ("Publish {whole}", "Watch {it} after it is out")),
    ),
    "document": (
        ("Prepare {it}", ("Collect what {whole} must cover", "Outline {it}")),
        ("Finish {it}", ("Draft {whole}", "Have {it} reviewed by its readers", "Publish {it}")),
    ),
    "improvement": (
        ("Understand {it}", ("Measure {it} as it is today", "Find what has the most influence on {it}")),
        (
            "Change {it}",
            ("Make the changes that {verb} {it}", "Measure {it} again and compare", "Guard {it} against falling back"),
        ),
    ),
    "refactoring": (
        ("Make it safe to change {it}", ("Find what uses {it}", "Cover {it} with tests")),
        ("Change {it}", ("{do} in small steps", "Check that what used {it} works as before")),
    ),
    "removal": (
        ("Make sure {it} can go", ("Find what still uses {it}", "Move what uses {it} to something else")),
        (
            "Take {it} away",
            ("Switch off {it} and watch for complaints", "Delete {it}", "Take {it} out of the documentation"),
        ),
    ),
    "testing": (
        ("Prepare the tests of {it}", ("List the cases to test for {it}", "Prepare data for testing {it}")),
        ("Test {it}", ("Carry out the tests of {it}", "Deal with what the tests of {it} show")),
    ),
    "setup": (
        ("Prepare {it}", ("Decide how {whole} has to work", "Get what {it} needs")),
        ("Bring {it} into use", ("Install and configure {it}", "Try out {it}", "Document how {it} is used")),
    ),
    "organisation": (
        ("Prepare {it}", ("Settle what {whole} needs, and by when", "Agree on who does what for {it}")),
        ("See {it} through", ("Arrange everything for {it}", "Look back on {it} and note what to do better")),
    ),
    "other": (
        ("Prepare {it}", ("Work out what it takes to {do}", "Gather what {it} needs")),
        ("See {it} through", ("{do}", "Check the result for {it}")),
    ),
}

REPORTED_AS = {
    "replacement": "migration",
    "permission": "feature",
    "question": "research",
    "choice": "research",
    "removal": "refactoring",
}

KIND_OF_VERB = {
    verb: kind
    for kind, verbs in {
        "bug": "fix debug repair resolve troubleshoot correct solve patch remedy mend",
        "migration": "migrate port move switch transition convert relocate transfer",
        "replacement": "upgrade replace swap update modernise modernize bump",
        "permission": "let allow enable permit",
        "research": "investigate research evaluate analyse analyze assess explore study examine survey "
    "benchmark understand review audit diagnose compare",
        "question": "find determine learn figure clarify",
        "choice": "choose select pick decide",
        "release": "release ship publish launch deploy roll",
        "document": "document write draft describe author",
        "improvement": "reduce speed improve optimise optimize increase decrease lower accelerate minimise "
    "minimize cut shorten raise boost halve double",
        "refactoring": "refactor restructure simplify clean split extract rename rework reorganise "
    "reorganize decouple consolidate tidy rewrite",
        "removal": "remove delete drop deprecate retire decommission eliminate sunset purge",
        "testing": "test verify validate check",
        "setup": "set install configure provision automate establish deploy host connect integrate",
        "organisation": "organise organize plan prepare arrange schedule hire recruit host hold run train "
    "teach onboard book buy order celebrate",
        "feature": "add implement build create support make develop design introduce provide offer extend "
    "show display implement give enhance expand expose",
    }.items()
    for verb in verbs.split()
}  # fmt: skip
