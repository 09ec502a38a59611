"""The command `agent-runtime`."""

from ._cli import main

if __name__ == "__main__":
    main()
