"""What a worker wrote down of what it asked for and was answered."""

import json
from pathlib import Path
from typing import Any


def read_ledger(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a ledger; one that its writer was killed in was not written."""
    lines = path.read_bytes().split(b"\n")[:-1]
    return [json.loads(line) for line in lines]
