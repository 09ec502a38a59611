"""Lists as people type them, rewritten as Markdown."""

import re

MARKER = r"(?:[ \t]*+(?:[-*+](?=[ \t])|>|[0-9]{1,9}[.)](?=[ \t])))"
_BULLET_SIGNS = "\u2022\u2023\u2043\u2219\u25a0-\u25ff\u2794\u279c-\u27be\u27a1\u30fb\u00b7\u2192\u2013\u2014"
_BOX_SIGNS = "\u2610-\u2612\u2705\u2713-\u2718\u274c\u2b1c\u25a1\u25fb"
_OPEN_BOXES = "\u2610\u2b1c\u25a1\u25fb\u274c\u2717\u2718"
_INDENT = r"^([ \t]*+)(?:[-*+][ \t]++)?"
_BOX = re.compile(rf"{_INDENT}([{_BOX_SIGNS}])\ufe0f?[ \t]*+(?=\S)")
_BULLET = re.compile(rf"{_INDENT}([{_BULLET_SIGNS}])\ufe0f?[ \t]*+(?=\S)")
_NUMBER = re.compile(r"^([ \t]*+)\(?([0-9\uff10-\uff19]{1,3})[)\uff0e\u3001\uff09][ \t]*+(?=\S)")
_LETTER = re.compile(r"^([ \t]*+)(?:\(?([a-zA-Z])\)|([a-z])\.)[ \t]++(?=\S)")
# "2.1 Invite the speakers", below "2. Speakers".
_DECIMAL = re.compile(r"^([ \t]*+)([0-9]{1,2}(?:\.[0-9]{1,2}){1,3})[.)]?[ \t]++(?=[^\W\d_]|[\"'`*\[(])")
_PARENT = re.compile(r"[0-9]{1,2}[.)][ \t]")
_AFTER_A_LETTER = (")", ".", ") ", "a)", "b)")
_QUOTES = re.compile(r"^((?:[ \t]*+>){3})(?:[ \t]*+>)++")
_MARKERS = re.compile(rf"^({MARKER}{{8}}){MARKER}++")
_MANY_CELLS = 40
_UNUSUAL = re.compile(
    rf"^[ \t]*+(?:[-*+][ \t]++)?(?:[{_BOX_SIGNS}{_BULLET_SIGNS}]|\(?[0-9\uff10-\uff19]{{1,3}}[)\uff0e\u3001\uff09]"
    rf"|\(?[a-zA-Z]\)[ \t]|[a-z]\.[ \t]|[0-9]{{1,2}}\.[0-9]|>(?:[ \t]*+>){{3}}"
    rf"|{MARKER}{{8}}|\|?[ \t]*+:?-++:?[ \t]*+\|(?:[ \t]*+:?-++:?[ "
    rf"\t]*+\|){{{_MANY_CELLS - 1}}})",
    re.M,
)


def usual_lines(lines: list[str]) -> list[str]:
    """Rewrite bullets, boxes and numbers that Markdown does not know, and cut nesting that readers do not mean."""
    letters = {
        (match[2] or match[3]).lower()
        for line in lines
        if line.lstrip()[1:3].strip() in _AFTER_A_LETTER and (match := _LETTER.match(line))
    }
    depths = _depths_of_decimals(lines)
    usual = []
    for line in lines:
        begin = line.lstrip()[:2]
        if begin and (not begin[0].isalpha() or begin[1:] in (")", ".")) and _UNUSUAL.match(line):
            if box := _BOX.match(line):
                line = f"{box[1]}- [{' ' if box[2] in _OPEN_BOXES else 'x'}] {line[box.end() :]}"
            elif bullet := _BULLET.match(line):
                line = f"{bullet[1]}- {line[bullet.end() :]}"
            elif (decimal := _DECIMAL.match(line)) and (depth := depths.get(decimal[2].rpartition(".")[0])) is not None:
                indent = max(decimal[1], "   " * depth, key=len)
                line = f"{indent}{decimal[2].rpartition('.')[2]}. {line[decimal.end() :]}"
            elif number := _NUMBER.match(line):
                line = f"{number[1]}{int(number[2])}. {line[number.end() :]}"
            elif (letter := _LETTER.match(line)) and {"a", "b"} <= letters:
                line = f"{letter[1]}- {line[letter.end() :]}"
            elif line.count("|") >= _MANY_CELLS:
                line = "\\" + line
            else:
                line = _MARKERS.sub(r"\1 ", _QUOTES.sub(r"\1 ", line))
        usual.append(line)
    return usual


def _depths_of_decimals(lines: list[str]) -> dict[str, int]:
    """Return the depth of items numbered such as "2.1" and "2.2", by the prefix of their numbers."""
    numbers = {match[2] for line in lines if line.lstrip()[:1].isdigit() and (match := _DECIMAL.match(line))}
    prefixes = {number[:-2] for number in numbers if number.endswith(".1") and f"{number[:-2]}.2" in numbers}
    if not prefixes:
        return {}
    least = 0 if any(map(_PARENT.match, lines)) else 1 + min(prefix.count(".") for prefix in prefixes)
    return {prefix: prefix.count(".") + 1 - least for prefix in prefixes}
