"""The command `agent-runtime`."""

import gc

gc.disable()  # imports make much and drop little; what lives longer than a command turns it on again

from ._cli import main  # noqa: E402 - after that

if __name__ == "__main__":
    main()
