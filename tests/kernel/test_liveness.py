"""Whether a holder lives: real processes, and texts altered where another machine or boot would be needed."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from agent_runtime_kernel import liveness as _liveness
from agent_runtime_kernel.liveness import is_alive, this_process

MACHINE, BOOT, NAMESPACE, PID, STARTED = range(5)


def altered(holder: str, **parts: str) -> str:
    fields = holder.split(" ")
    for name, value in parts.items():
        fields[globals()[name]] = value
    return " ".join(fields)


@pytest.fixture
def other() -> Iterator[subprocess.Popen[str]]:
    """Another process, which said who it is and then waits."""
    code = (
        "import sys; from agent_runtime_kernel.liveness import this_process;"
        "print(this_process(), flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdin=-1, stdout=-1, text=True)
    yield process
    process.kill()
    process.communicate()


def holder_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def until_dead(process: subprocess.Popen[str]) -> None:
    """Wait until the kernel has ended it, without taking its exit status: it stays a zombie."""
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)


def test_this_process_is_alive() -> None:
    assert is_alive(this_process()) is True


def test_another_process_is_alive_until_it_is_killed(other: subprocess.Popen[str]) -> None:
    holder = holder_of(other)
    assert holder != this_process()
    assert is_alive(holder) is True
    other.send_signal(signal.SIGKILL)
    until_dead(other)
    assert is_alive(holder) is False  # nobody has asked for its exit status: a zombie
    other.wait()
    assert is_alive(holder) is False


def test_a_stopped_process_is_alive(other: subprocess.Popen[str]) -> None:
    holder = holder_of(other)
    other.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, other.pid, os.WSTOPPED | os.WNOWAIT)
    assert is_alive(holder) is True


def test_a_number_that_another_process_has_now_is_no_life(other: subprocess.Popen[str]) -> None:
    holder = holder_of(other)
    assert is_alive(altered(holder, STARTED="1")) is False


def test_a_reboot_ended_everything_on_this_machine(other: subprocess.Popen[str]) -> None:
    assert is_alive(altered(holder_of(other), BOOT="00000000-0000-0000-0000-000000000000")) is False


def test_another_machine_is_beyond_knowledge(other: subprocess.Popen[str]) -> None:
    holder = holder_of(other)
    assert is_alive(altered(holder, BOOT="00000000-0000-0000-0000-000000000000", MACHINE="0123456789abcdef")) is None


def test_another_pid_namespace_is_beyond_knowledge(other: subprocess.Popen[str]) -> None:
    assert is_alive(altered(holder_of(other), NAMESPACE="1")) is None


def test_one_kernel_is_one_machine_whatever_a_container_calls_it(other: subprocess.Popen[str]) -> None:
    assert is_alive(altered(holder_of(other), MACHINE="0123456789abcdef")) is True


@pytest.mark.parametrize(
    "text",
    [
        "",
        "somebody",
        "a b c d e",
        "a b c -1 e",
        "a b c 1 e f",
        "a b c \N{ARABIC-INDIC DIGIT ONE} e",
        "- - - 1 -",
        "\x00 \x00 \x00 1 \x00",
    ],
)
def test_a_text_of_another_origin_says_nothing(text: str) -> None:
    assert is_alive(text) is None


def test_a_number_beyond_all_processes_is_not_alive() -> None:
    assert is_alive(altered(this_process(), PID="4194999")) is False
    assert is_alive(altered(this_process(), PID="9" * 40)) is None


def test_a_forked_child_is_another_process_than_its_parent() -> None:
    parents = this_process()
    code = f"""
import os
from agent_runtime_kernel.liveness import is_alive, this_process
parents = this_process()
child = os.fork()
if child == 0:
    print(this_process() != parents, is_alive(parents), is_alive(this_process()), flush=True)
    os._exit(0)
os.waitpid(child, 0)
print(this_process() == parents, is_alive({parents!r}))
"""
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.splitlines() == ["True True True", "True True"]


def test_ps_knows_states_and_starts_where_there_is_no_proc(other: subprocess.Popen[str]) -> None:
    holder_of(other)
    state, start = _liveness._from_ps(other.pid)
    assert state != "Z"
    assert start == _liveness._from_ps(other.pid)[1] != "-"
    other.kill()
    until_dead(other)
    assert _liveness._from_ps(other.pid)[0] == "Z"
    other.wait()
    assert _liveness._from_ps(other.pid) == ("-", "-")


def test_a_process_that_is_hidden_from_us_is_neither_alive_nor_gone(
    other: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    holder = holder_of(other)
    this_process()
    monkeypatch.setattr(_liveness, "_status_and_start", lambda pid: ("-", "-"))  # as /proc mounted with hidepid does
    assert is_alive(holder) is None
    other.kill()
    other.wait()
    assert is_alive(holder) is False


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has namespaces of process numbers")
@pytest.mark.skipif(os.geteuid() != 0, reason="making a namespace takes root")
def test_a_process_in_a_namespace_of_its_own_is_beyond_knowledge() -> None:
    code = "from agent_runtime_kernel.liveness import this_process; print(this_process())"
    answer = subprocess.run(
        ["unshare", "--pid", "--fork", "--mount-proc", sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
    )
    holder = answer.stdout.strip()
    assert holder.split(" ")[BOOT] == this_process().split(" ")[BOOT]
    assert is_alive(holder) is None
