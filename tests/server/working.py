"""Runners of relays and tasks as somebody at a command line has them: real processes, real agents."""

import contextlib
import json
import os
import shlex
import signal

import attrs

from agent_programs import program, wait_until

GOOD = "hand_in(output=f'output of {os.environ[\"AGENT_RUNTIME_BATON_ID\"]}', tokens_used=7)"
# The first to begin says so, and waits to be told to go on; it does as it is asked when it is asked to end.
WAITING = """
beside = os.path.dirname(os.path.abspath(sys.argv[0]))
try:
    descriptor = os.open(os.path.join(beside, "pid.part"), os.O_WRONLY | os.O_CREAT | os.O_EXCL)
except FileExistsError:
    pass
else:
    os.write(descriptor, str(os.getpid()).encode())
    os.link(os.path.join(beside, "pid.part"), os.path.join(beside, "pid"))
    {meanwhile}
    ready = os.path.join(beside, "go on")
    os.mkfifo(ready)
    open(ready).close()
"""


@attrs.define
class Shift:
    """Somebody at a command line who has agents."""

    shell: object
    path: object
    started: list = attrs.field(factory=list)

    def agent(self, body=GOOD, name="agent"):
        """Write an agent's program and return the command line that starts it."""
        return shlex.join(program(self.path / f"{name}.py", body))

    def waiting_agent(self, meanwhile="pass", then=GOOD):
        """Return an agent that waits at its first start and then does its work."""
        return self.agent(WAITING.format(meanwhile=meanwhile) + then, "waiting_agent")

    def relay(self, *agents, **settings):
        words = [word for name, value in settings.items() for word in (f"--{name.replace('_', '-')}", value)]
        return self.shell.json("relay", "create", "Survey", "What is known about tea?", *agents, *words)["pipeline_id"]

    def start(self, *words):
        process = self.shell.process(*words)
        self.started.append(process)
        return process

    def agent_at_work(self):
        """Wait for the waiting agent and return its process."""
        wait_until(lambda: (self.path / "go on").exists())
        return int((self.path / "pid").read_text())

    def let_go_on(self):
        with (self.path / "go on").open("w"):
            pass

    def end(self):
        """End what a test that failed may have left."""
        for process in self.started:
            if process.poll() is None:
                process.kill()
            process.communicate()
        with contextlib.suppress(OSError, ValueError):
            os.kill(int((self.path / "pid").read_text()), signal.SIGKILL)


def lines(text):
    """Read JSON lines."""
    return [json.loads(line) for line in text.splitlines()]
