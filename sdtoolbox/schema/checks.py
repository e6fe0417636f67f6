"""What a value must be before its bounds are looked at: a plain finite number, clean text."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

TEXT_LIMIT = 100_000


def plain_number(value: Any) -> Any:
    """Refuse what JSON or a form can send for a number and Python would quietly take: true, "512", NaN."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise PydanticCustomError("number_type", "is not a number")
    if isinstance(value, float) and not math.isfinite(value):
        raise PydanticCustomError("finite_number", "is not a finite number")
    return value


def whole_number(value: Any) -> Any:
    """As `plain_number`, and without a fraction; 20.0 is taken for 20 because forms and JSON send that."""
    value = plain_number(value)
    if isinstance(value, float):
        if not value.is_integer():
            raise PydanticCustomError("whole_number", "is not a whole number")
        return int(value)
    return value


def clean_text(value: str) -> str:
    """NFC text; refuses NUL, which breaks databases and PNG text (pydantic itself refuses lone surrogates)."""
    if "\0" in value:
        raise PydanticCustomError("text_nul", "holds a NUL character")
    return unicodedata.normalize("NFC", value.replace("\r\n", "\n").replace("\r", "\n"))


def names_from(value: Any) -> Any:
    """A list of names from what doors send: a list, or one name a line."""
    if value is None:
        return ()
    if isinstance(value, str):
        value = [line.strip() for line in value.split("\n") if line.strip()]
    return tuple(value) if isinstance(value, list) else value


def several_from(value: Any, one_from: Callable[[str], Any]) -> Any:
    """A tuple from what doors send: a list of objects or short forms, or several short forms in lines.

    Short forms may be separated by ";" too; `one_from` reads one.
    """
    if value is None:
        return ()
    if isinstance(value, str):
        value = [line for line in value.replace(";", "\n").split("\n") if line.strip()]
    if isinstance(value, dict):
        value = [value]
    if isinstance(value, list | tuple):
        return tuple(one_from(one) if isinstance(one, str) else one for one in value)
    return value


Text = Annotated[str, Field(max_length=TEXT_LIMIT), AfterValidator(clean_text)]
Name = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(clean_text)]
WHOLE = BeforeValidator(whole_number)
REAL = BeforeValidator(plain_number)
