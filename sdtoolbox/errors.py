"""What a person is told when something cannot be done: what happened, what is allowed, what to do next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, get_args

Code = Literal[
    "MODEL_CORRUPT",
    "MODEL_UNSAFE",
    "MODEL_TYPE",
    "MODEL_MISSING",
    "LORA_INCOMPATIBLE",
    "IMAGE_INVALID",
    "IMAGE_TOO_LARGE",
    "MASK_INVALID",
    "PARAM_INVALID",
    "JOB_MISSING",
    "QUEUE_FULL",
    "OUT_OF_MEMORY",
    "NUMERIC",
    "DISK_FULL",
    "WORKER_DIED",
    "TIMEOUT",
    "CANCELLED",
    "INTERRUPTED",
    "EXTENSION_FAILED",
    "FORBIDDEN",
    "INTERNAL",
]
CODES: tuple[Code, ...] = get_args(Code)


class UserError(Exception):
    """An error whose text is meant for the person who asked.

    `message` says what happened, with the value; `hint` says what is allowed or what to do next; `field` names
    the request's field at fault, if there is one. None of them may hold an absolute path or a secret: they
    travel through every door, to other people's browsers too.
    """

    def __init__(self, code: Code, message: str, hint: str = "", field: str | None = None) -> None:
        super().__init__(message)
        self.code: Code = code
        self.message = message
        self.hint = hint
        self.field = field

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()

    def __reduce__(self) -> tuple[Any, ...]:
        # Pickled by its parts: a process pool hands errors on, and an exception's own way would lose all but one.
        return UserError, (self.code, self.message, self.hint, self.field)

    def as_dict(self) -> dict[str, Any]:
        """The error as JSON values: `{code, message, hint, field}`."""
        return {"code": self.code, "message": self.message, "hint": self.hint, "field": self.field}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> UserError:
        """The error that `as_dict` wrote, as it comes back out of the queue's database."""
        return cls(values["code"], values["message"], values.get("hint", ""), values.get("field"))


class InvalidRequest(UserError):  # noqa: N818 - the name says what is wrong
    """A request with one or more fields at fault; `problems` has one error a field, in the fields' order."""

    def __init__(self, problems: Sequence[UserError]) -> None:
        first = problems[0]
        super().__init__("PARAM_INVALID", first.message, first.hint, first.field)
        self.problems = tuple(problems)

    def __reduce__(self) -> tuple[Any, ...]:
        return InvalidRequest, (self.problems,)

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)

    def as_dict(self) -> dict[str, Any]:
        """As the first problem, with all of them under `problems`."""
        return super().as_dict() | {"problems": [problem.as_dict() for problem in self.problems]}


class Cancelled(Exception):  # noqa: N818 - not an error: somebody wanted it
    """Raised inside a job at the next network call after somebody cancelled it."""
