"""The guard: around functions and blocks, sync and async."""

import asyncio
import inspect
import subprocess

import pytest
from opened_breakers import fail, numbered_breakers

from agent_runtime_breakers import BreakerState, Failure, FailureType, RefusalReason
from agent_runtime_breakers.errors import BreakerOpen, InvalidValue

AGENT = "coder"
COOLDOWN = 300


@pytest.fixture
def breakers(connection, clock):
    return numbered_breakers(connection, clock)


@pytest.fixture
def probing(breakers, clock):
    """A breaker that is about to let its one probe through."""
    breakers.configure(AGENT, success_threshold=1)
    fail(breakers, AGENT, 5)
    clock.advance(COOLDOWN)
    return breakers


def slot_is_free(breakers):
    return breakers.status(AGENT).can_execute


def test_a_guarded_function_returns_what_it_returns_and_counts_a_success(breakers):
    @breakers.guard(AGENT)
    def double(number, *, plus=0):
        """Double a number."""
        return 2 * number + plus

    assert double(3, plus=1) == 7
    assert (double.__name__, double.__doc__) == ("double", "Double a number.")
    assert breakers.status(AGENT).total_successes == 1


def test_a_guarded_function_that_raises_counts_a_failure_with_what_it_said(breakers):
    @breakers.guard(AGENT)
    def broken():
        raise ValueError("no \x1b[31msuch\x1b[0m thing\x00" + "!" * 5000)

    with pytest.raises(ValueError, match="no"):
        broken()

    [failure] = breakers.status(AGENT).recent_failures
    assert failure.failure_type == "exception"
    assert failure.error_message.startswith("ValueError: no such thing!!!")


def test_a_guarded_coroutine_function_is_awaited_before_it_is_settled(breakers):
    @breakers.guard(AGENT)
    async def slow(outcome):
        before = breakers.status(AGENT)
        await asyncio.sleep(0)
        assert breakers.status(AGENT) == before
        if outcome is None:
            raise KeyError("gone")
        return outcome

    assert inspect.iscoroutinefunction(slow)
    assert asyncio.run(slow("done")) == "done"
    with pytest.raises(KeyError):
        asyncio.run(slow(None))
    shown = breakers.status(AGENT)
    assert (shown.total_successes, shown.total_failures) == (1, 1)


def test_an_object_with_a_coroutine_call_is_guarded_as_one(breakers):
    class Agent:
        async def __call__(self):
            raise OSError("unreachable")

    with pytest.raises(OSError, match="unreachable"):
        asyncio.run(breakers.guard(AGENT)(Agent())())
    assert breakers.status(AGENT).total_failures == 1


def test_blocks_are_guarded_sync_and_async(breakers):
    with breakers.guard(AGENT) as permit:
        assert (permit.admitted, permit.permit_id) == (True, "permit-1")

    async def block():
        async with breakers.guard(AGENT):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        asyncio.run(block())
    shown = breakers.status(AGENT)
    assert (shown.total_successes, shown.total_failures) == (1, 1)


def test_an_open_breaker_raises_before_anything_is_called(breakers, clock):
    breakers.configure(AGENT, fallback_agent="other")
    fail(breakers, AGENT, 5)
    clock.advance(100)
    called = []

    with pytest.raises(BreakerOpen, match="agent coder admits no work: open") as refusal:
        breakers.guard(AGENT)(called.append)(1)

    assert (refusal.value.agent_id, refusal.value.reason) == (AGENT, RefusalReason.OPEN)
    assert (refusal.value.retry_after, refusal.value.fallback_agent) == (200.0, "other")
    assert refusal.value.hint == "ask again in 200 s, or give the work to other"
    assert called == []
    assert breakers.status(AGENT).total_failures == 5


def test_a_breaker_that_is_held_open_names_no_time(breakers):
    breakers.trip(AGENT, hold=True)

    with pytest.raises(BreakerOpen) as refusal, breakers.guard(AGENT):
        pass
    assert (refusal.value.retry_after, refusal.value.hint) == (None, "not before it is reset")


@pytest.mark.parametrize("timeout", [TimeoutError("30 s"), TimeoutError(), subprocess.TimeoutExpired("agent", 30)])
def test_a_timeout_in_the_block_is_a_failure_of_that_type(breakers, timeout):
    with pytest.raises(type(timeout)), breakers.guard(AGENT):
        raise timeout

    assert breakers.status(AGENT).recent_failures[0].failure_type == "timeout"


def test_the_callers_own_timeout_is_a_failure(probing):
    async def call():
        async with probing.guard(AGENT), asyncio.timeout(0):
            await asyncio.sleep(3600)

    with pytest.raises(TimeoutError):
        asyncio.run(call())

    shown = probing.status(AGENT)
    assert (shown.state, shown.recent_failures[0].failure_type) == (BreakerState.OPEN, "timeout")


def test_a_cancelled_task_releases_its_permit(probing):
    async def cancelled():
        started = asyncio.Event()

        @probing.guard(AGENT)
        async def call():
            started.set()
            await asyncio.sleep(3600)

        task = asyncio.create_task(call())
        await started.wait()
        assert not slot_is_free(probing)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()

    before = probing.status(AGENT).total_failures
    asyncio.run(cancelled())

    assert slot_is_free(probing)
    assert probing.status(AGENT).total_failures == before


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_an_interruption_releases_the_permit(probing, interruption):
    with pytest.raises(interruption), probing.guard(AGENT):
        raise interruption

    assert slot_is_free(probing)


def test_exceptions_mean_what_the_caller_says_they_mean(breakers):
    class RateLimited(Exception):
        pass

    class BadRequest(Exception):
        pass

    def meaning(exception):
        if isinstance(exception, RateLimited):
            return Failure(FailureType.RATE_LIMITED, retry_after_seconds=12)
        return None

    for raised in (RateLimited, BadRequest):
        with pytest.raises(raised), breakers.guard(f"{AGENT}-{raised.__name__}", classify=meaning):
            raise raised

    assert breakers.acquire(f"{AGENT}-RateLimited").retry_after_seconds == 12
    assert breakers.status(f"{AGENT}-BadRequest").total_failures == 0


def test_a_classifier_that_fails_does_not_cost_the_slot(probing):
    def broken(_exception):
        raise RuntimeError("unexpected")

    with pytest.raises(RuntimeError, match="unexpected"), probing.guard(AGENT, classify=broken):
        raise ValueError

    assert slot_is_free(probing)


def test_a_time_to_come_back_goes_with_rate_limits_only():
    with pytest.raises(InvalidValue, match="retry_after_seconds does not go with timeout"):
        Failure(FailureType.TIMEOUT, retry_after_seconds=3)


def test_the_time_in_the_block_tells_slow_calls(breakers, clock):
    breakers.configure(AGENT, slow_call_seconds=30)
    with breakers.guard(AGENT):
        clock.advance(31)

    assert breakers.status(AGENT).recent_failures[0].failure_type == "slow_call"


def test_calls_of_one_guarded_function_may_overlap(breakers):
    @breakers.guard(AGENT)
    async def call(outer, inner):
        outer.set()
        await inner.wait()

    async def two():
        first, second = asyncio.Event(), asyncio.Event()
        await asyncio.gather(call(first, second), call(second, first))

    asyncio.run(two())
    assert breakers.status(AGENT).total_successes == 2


def test_one_guard_guards_one_block_at_a_time(breakers):
    guard = breakers.guard(AGENT)
    with guard, pytest.raises(RuntimeError, match="is entered already"):
        guard.__enter__()
    with guard:
        pass

    assert breakers.status(AGENT).total_successes == 2


def test_generators_are_not_guarded_as_if_they_were_functions(breakers):
    def numbers():
        yield 1

    async def async_numbers():
        yield 1

    for generator in (numbers, async_numbers):
        with pytest.raises(TypeError, match="is a generator"):
            breakers.guard(AGENT)(generator)


def test_a_disabled_breaker_lets_blocks_through_and_records_nothing(breakers):
    breakers.configure(AGENT, mode="disabled")
    with pytest.raises(ValueError, match="x"), breakers.guard(AGENT) as admission:
        raise ValueError("x")

    assert admission.permit_id is None
    assert breakers.status(AGENT).total_failures == 0


def test_a_holder_is_recorded_with_the_permit(connection, clock):
    alive = {"process-1": True}
    breakers = numbered_breakers(connection, clock, is_alive=alive.get)
    fail(breakers, AGENT, 5)
    clock.advance(COOLDOWN)
    abandoned = breakers.guard(AGENT, worker="session-1", holder="process-1")
    abandoned.__enter__()
    assert not slot_is_free(breakers)

    alive["process-1"] = False
    assert slot_is_free(breakers)
