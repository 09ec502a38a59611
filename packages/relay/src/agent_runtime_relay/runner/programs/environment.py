"""The environment that a program is given: the variables that it needs, and those passed on by name."""

import fnmatch
from collections.abc import Mapping, Sequence

# A program needs these to find itself, its user, its language and the network. Name others to pass them on too.
PASSED_ON = (
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "TERM",
    "LANG",
    "LANGUAGE",
    "LC_*",
    "TZ",
    "TMPDIR",
    "XDG_*",
    "SSL_CERT_*",
    "NODE_EXTRA_CA_CERTS",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "ANTHROPIC_*",
    "CLAUDE_*",
    "AGENT_RUNTIME_DB",
)


def passed_on(environment: Mapping[str, str], patterns: Sequence[str]) -> dict[str, str]:
    """Return the variables of an environment whose names match a pattern."""
    return {
        name: value
        for name, value in environment.items()
        if any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
    }
