"""The command `agent-runtime`."""

import atexit
import gc

# A command imports much and drops little: it needs no garbage collection. Long-lived commands turn it on again.
gc.disable()
# At exit the interpreter would collect once more, although the process ends with all its objects.
atexit.register(gc.freeze)

from .cli.root import main  # noqa: E402 - its imports are the ones to speed up

if __name__ == "__main__":
    main()
