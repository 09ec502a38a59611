"""Whether an error that looks like a bug comes of a damaged file."""

import json
import time

import apsw

_LONGEST_LOOK = 2.0  # seconds
_INSTRUCTIONS = 10_000  # of SQLite between two looks at the clock; about a millisecond


def damage_behind(error: Exception, connection: apsw.Connection) -> str | None:
    """Return what is wrong with the file, where that may be why an operation failed as none should.

    Args:
        error: what the operation failed with. All that is stored was encoded by this program, so what can't be decoded
            was changed since.
        connection: the connection, in no transaction.
    """
    if isinstance(error, json.JSONDecodeError | UnicodeDecodeError):
        return "stored text can't be decoded"
    if connection.in_transaction:
        return None
    end = time.monotonic() + _LONGEST_LOOK
    connection.set_progress_handler(lambda: time.monotonic() > end, _INSTRUCTIONS)
    try:
        [(verdict,), *_] = connection.execute("PRAGMA quick_check(1)").fetchall()
    except apsw.InterruptError:
        return None
    finally:
        connection.set_progress_handler(None)
    return None if verdict == "ok" else str(verdict)
