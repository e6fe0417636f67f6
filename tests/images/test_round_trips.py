"""A request comes back out of a picture as it went in; a text that is written again is the same text."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from sdtoolbox.builtin import load_all
from sdtoolbox.images.metadata import png_bytes, read_text
from sdtoolbox.images.parameters import parameters_text
from sdtoolbox.images.reading import parse_parameters
from sdtoolbox.schema.requests import PICTURE_KINDS, Request, bounds_of, control_of
from sdtoolbox.settings import Settings

LOADED = load_all(Settings(safe_mode=True))[0]
REGISTRIES = LOADED.by_name()
TASKS = [entry.value.request for entry in LOADED.tasks]
CHECKPOINT = {"name": "storybook", "sha256": "6ce0161689" + "0" * 54}
WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40)
NAMES = WORDS.filter(lambda text: bool(text.strip()))
FOLDERS = ("checkpoints", "vaes", "adapters")


def values_of(request: type[Request], name: str) -> st.SearchStrategy[Any]:
    """Values that a field takes, from what the schema says of it; None where it stays as it is."""
    control = control_of(request, name)
    low, high = bounds_of(request, name)
    if control.kind == "flag":
        return st.booleans()
    if control.options:
        return st.sampled_from([value for value, _ in control.options])
    if control.kind == "prompt":
        return WORDS
    if control.kind in PICTURE_KINDS:
        return st.text("0123456789abcdef", min_size=32, max_size=32)
    if control.kind == "choice":
        known = REGISTRIES.get(control.choices)
        return NAMES if known is None else st.sampled_from(known.ids())
    if control.kind == "options" or low is None or high is None:
        return st.none()
    schema = request.model_json_schema()["properties"][name]
    whole = any(part.get("type") == "integer" for part in (schema, *schema.get("anyOf", ())))
    return st.integers(int(low), int(high)) if whole else st.floats(low, high, allow_subnormal=False)


def requests(request: type[Request]) -> st.SearchStrategy[Request]:
    """Requests of a task with any of its fields set."""
    fields = {name: values_of(request, name) for name in request.model_fields}
    some = st.fixed_dictionaries({}, optional=fields)
    return some.map(lambda values: request.parse({name: one for name, one in values.items() if one is not None}))


@given(request=st.one_of([requests(task) for task in TASKS]))
@settings(max_examples=60, deadline=None)
def test_request_to_picture_to_request_is_the_identity_for_every_task(request: Request) -> None:
    exact = {"task": request.task, "request": request.model_dump(mode="json")}
    found = read_text(png_bytes(Image.new("RGB", (4, 4)), "", exact)).exact
    assert found is not None
    again = LOADED.tasks.get(found["task"]).value.request.parse(found["request"])
    assert again == request


def text_of(request: Request) -> str:
    seed = getattr(request, "seed", 0)
    return parameters_text(request, seed=seed, index=0, checkpoint=CHECKPOINT, registries=REGISTRIES)


@given(request=st.one_of([requests(task) for task in TASKS]))
@settings(max_examples=100, deadline=None)
def test_text_to_request_to_text_is_stable(request: Request) -> None:
    cls = type(request)
    first = cls.parse(parse_parameters(text_of(request), cls, REGISTRIES).values)
    text = text_of(first)
    second = cls.parse(parse_parameters(text, cls, REGISTRIES).values)
    assert text_of(second) == text
    assert second == first


@given(request=st.one_of([requests(task) for task in TASKS]))
@settings(max_examples=100, deadline=None)
def test_every_field_that_has_a_key_comes_back(request: Request) -> None:
    cls = type(request)
    resolved = {"steps": 20, "sampler": "euler", "schedule": "karras", "width": 64, "height": 64}
    full = cls.parse(request.model_dump() | {name: one for name, one in resolved.items() if name in cls.model_fields})
    values = parse_parameters(text_of(full), cls, REGISTRIES).values
    again = cls.parse(
        {**values, **{name: REGISTRIES[kind].get(values[name]).id for name, kind in CHOSEN if name in values}}
    )
    for name in cls.model_fields:
        control = control_of(cls, name)
        meant = not control.of or getattr(full, control.of)
        kept = (
            control.parameters_key
            and control.choices not in FOLDERS
            and control.kind in ("slider", "number", "flag", *PICTURE_KINDS)
        )
        if kept and meant and getattr(full, name) is not None:
            assert getattr(again, name) == getattr(full, name), name


CHOSEN = (("sampler", "samplers"), ("schedule", "schedules"))
