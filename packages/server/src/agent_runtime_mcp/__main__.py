"""The command `agent-runtime`."""

import atexit
import gc

gc.disable()  # imports make much and drop little; what lives longer than a command turns it on again
atexit.register(gc.freeze)  # the interpreter's last collection would look through all that ends with the process

from .cli.root import main  # noqa: E402 - after that

if __name__ == "__main__":
    main()
