"""The guard: a breaker around a function or a block of code, which takes a permit before and settles it afterwards."""

import functools
import inspect
from collections.abc import Callable
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar, cast

import attrs

from ._model import Admission, Result
from ._rules.events import FailureType
from .bounds import MAX_MESSAGE_BYTES, retry_after
from .errors import BreakerOpen

_Function = TypeVar("_Function", bound=Callable[..., Any])


@attrs.frozen
class Failure:
    """The meaning of an exception for the breaker.

    Attributes:
        failure_type: the type of failure to report.
        retry_after_seconds: with rate_limited, the time after which the agent may be asked again.

    Raises:
        InvalidValue: the time does not go with the type of failure, or is out of its bounds.
    """

    failure_type: FailureType = FailureType.EXCEPTION
    retry_after_seconds: float | None = None

    def __attrs_post_init__(self) -> None:
        retry_after(self.failure_type, self.retry_after_seconds)


Classify = Callable[[Exception], Failure | None]


def classify(exception: Exception) -> Failure | None:
    """Return the meaning of an exception: a timeout if it is one, otherwise an exception."""
    import subprocess  # heavy, and needed only after a failure

    if isinstance(exception, TimeoutError | subprocess.TimeoutExpired):
        return Failure(FailureType.TIMEOUT)
    return Failure()


class Admits(Protocol):
    """Grants permits and settles them."""

    def acquire(self, agent_id: str, *, worker: str | None = None, holder: str | None = None) -> Admission: ...

    def settle(
        self,
        agent_id: str,
        permit_id: str | None,
        result: str,
        *,
        error_message: str = "",
        retry_after_seconds: float | None = None,
    ) -> object: ...


@attrs.define
class Guard:
    """The decorator and context manager that takes a permit on entry and settles it on exit.

    A block that returns is a success. A block that raises is a failure, of the type that `classify` returns. A block
    that is cancelled or interrupted releases its permit. A timeout set inside the block is a failure; a timeout set
    around the guard reaches it as a cancellation.
    """

    breakers: Admits
    agent_id: str
    worker: str | None = None
    holder: str | None = None
    classify: Classify = classify
    _entered: Admission | None = attrs.field(default=None, init=False)

    def __call__(self, function: _Function) -> _Function:
        """Guard each call of a function or coroutine function.

        Raises:
            TypeError: it is a generator, which does its work after the call.
        """
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise TypeError(f"{function!r} is a generator: put `with guard(...)` inside it instead")
        if inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(getattr(function, "__call__", None)):  # noqa: B004 - callable() does not tell whether to await it

            @functools.wraps(function)
            async def guarded_coroutine(*args: Any, **kwargs: Any) -> Any:
                async with self._another():
                    return await function(*args, **kwargs)

            return cast("_Function", guarded_coroutine)

        @functools.wraps(function)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            with self._another():
                return function(*args, **kwargs)

        return cast("_Function", guarded)

    def __enter__(self) -> Admission:
        """Take a permit.

        Raises:
            BreakerOpen: the agent admits no work now.
            RuntimeError: the guard is entered already; each block needs its own.
        """
        if self._entered is not None:
            raise RuntimeError("this guard is entered already: make another one with guard(...)")
        admission = self.breakers.acquire(self.agent_id, worker=self.worker, holder=self.holder)
        if admission.reason is not None:
            raise BreakerOpen(self.agent_id, admission.reason, admission.retry_after_seconds, admission.fallback_agent)
        self._entered = admission
        return admission

    def __exit__(
        self, kind: type[BaseException] | None, exception: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Settle the permit."""
        admission, self._entered = self._entered, None
        if admission is None or admission.permit_id is None:
            return
        try:
            result, failure = self._result(exception)
        except BaseException:
            self.breakers.settle(self.agent_id, admission.permit_id, Result.RELEASE)
            raise
        self.breakers.settle(
            self.agent_id,
            admission.permit_id,
            result,
            error_message="" if failure is None else _message(exception),
            retry_after_seconds=None if failure is None else failure.retry_after_seconds,
        )

    async def __aenter__(self) -> Admission:
        """Take a permit, as `with` does."""
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, exception: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Settle the permit, as `with` does."""
        self.__exit__(kind, exception, traceback)

    def _result(self, exception: BaseException | None) -> tuple[Result, Failure | None]:
        if exception is None:
            return Result.SUCCESS, None
        failure = self.classify(exception) if isinstance(exception, Exception) else None
        return (Result.RELEASE, None) if failure is None else (Result(failure.failure_type), failure)

    def _another(self) -> Self:
        return attrs.evolve(self)


def _message(exception: BaseException | None) -> str:
    """Return the text of an exception, cut to the bounds of an error message."""
    text = f"{type(exception).__name__}: {exception}".replace("\x00", "")
    return text.encode(errors="replace")[:MAX_MESSAGE_BYTES].decode(errors="ignore")
