"""Which adapters are used with a checkpoint, and how much; written `name:0.8`, `name:0.8:0.5` or as an object."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from sdtoolbox.schema.checks import REAL, Name, several_from

Weight = Annotated[float, Field(ge=-10, le=10), REAL]


class Adapter(BaseModel):
    """One adapter in a request: an id, name or hash of the catalog, its weights, and what it does where."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    adapter: Name = Field(description="Which one; by id, name or hash.")
    weight: Weight = Field(1.0, description="How strongly it acts on the network; 0 not at all.")
    text_weight: Weight | None = Field(None, description="How strongly it acts on the text encoders; empty: the same.")
    blocks: str = Field(
        "", max_length=400, description="Factors of the network's blocks, such as down=1,mid=0.5,up=0; empty: all 1."
    )

    def tag(self) -> str:
        """As prompts name it: `<lora:name:0.8>`, `<lora:name:0.5:0.8:lbw=…>` with the text encoders' weight first."""
        numbers = [self.weight] if self.on_text == self.weight else [self.on_text, self.weight]
        blocks = [f"lbw={self.blocks}"] if self.blocks else []
        parts = ["lora", self.adapter, *(repr(number).removesuffix(".0") for number in numbers), *blocks]
        return f"<{':'.join(parts)}>"

    @property
    def on_text(self) -> float:
        """How strongly it acts on the text encoders."""
        return self.weight if self.text_weight is None else self.text_weight


def adapters_from(value: Any) -> Any:
    """A list of adapters from what doors send: a list of objects or short forms, or several short forms in lines."""
    return several_from(value, _adapter_from)


def short_form(tag: str) -> str:
    """What stands in a prompt's tag behind `lora:`, as `adapters_from` reads it: the network's weight first.

    A1111, which the tags come from, has them the other way round: `name:text:network`, or `te=` and `unet=`. What is
    not said of the text encoders is 1, what is not said of the network is what is said of them.
    """
    name, *parts = (part.strip() for part in tag.split(":"))
    numbers: list[str] = []
    named: dict[str, str] = {}
    rest: list[str] = []
    for part in parts:
        key, equals, value = part.partition("=")
        if equals and key in ("te", "unet"):
            named[key] = value
        elif equals or len(numbers) == 2:
            rest.append(part)
        else:
            numbers.append(part)
    text = named.get("te", numbers[0] if numbers else "1")
    network = named.get("unet", numbers[1] if len(numbers) == 2 else text)
    return ":".join([name, network, text, *rest])


def _adapter_from(text: str) -> dict[str, Any]:
    name, *rest = (part.strip() for part in text.strip().split(":"))
    found: dict[str, Any] = {"adapter": name}
    free = ["weight", "text_weight"]
    for part in rest:
        key, _, given = part.partition("=")
        if given and key in _KEYS:
            found[_KEYS[key]] = given if key == "lbw" else _number(given)
        elif free:
            found[free.pop(0)] = _number(part)
        else:
            found["blocks"] = part
    return found


# The words of the tags that people paste: <lora:name:unet=0.8:te=0.5:lbw=…>.
_KEYS = {"unet": "weight", "te": "text_weight", "lbw": "blocks"}


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text  # the field's own check says what is wrong with it
