"""The adapters of a request, those in its prompt too: names to catalog ids, every weight said, misfits refused."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter, ValidationError

from sdtoolbox.errors import UserError
from sdtoolbox.models.catalog import Catalog
from sdtoolbox.models.entries import CatalogEntry
from sdtoolbox.models.fit import base_word, kind_word, misfit
from sdtoolbox.prompts.tags import take_tags
from sdtoolbox.schema.adapters import Adapter, short_form
from sdtoolbox.schema.fields import Adapters
from sdtoolbox.schema.problems import shown
from sdtoolbox.schema.requests import Request, control_of

_ADAPTERS: TypeAdapter[tuple[Adapter, ...]] = TypeAdapter(Adapters)


def resolve_adapters(
    request: Request,
    values: dict[str, Any],
    checkpoint: CatalogEntry | None,
    catalog: Catalog,
    problems: list[UserError],
) -> None:
    """Put the adapters of `request` into `values` and their tags out of its prompts; add to `problems`.

    Of an adapter that is named twice the last one counts, the prompt's after the field's. Tags in a negative prompt
    are taken out and mean nothing, as everywhere.
    """
    kinds = {name: control_of(type(request), name).kind for name in type(request).model_fields}
    field = next((name for name, kind in kinds.items() if kind == "adapters"), None)
    if field is None:
        return
    wanted = [(adapter, field) for adapter in getattr(request, field)]
    for name in (name for name, kind in kinds.items() if kind == "prompt"):
        values[name], tags = take_tags(values[name])
        if not name.endswith("negative_prompt"):
            wanted += _read_tags(tags, name, problems)
    found: dict[str, Adapter] = {}
    for adapter, at in wanted:
        try:
            entry = catalog.find(adapter.adapter, "lora", at)
            if checkpoint is not None:
                _check_fit(entry, checkpoint, at)
        except UserError as error:
            problems.append(error)
            continue
        if at == "hires_prompt" and entry.id in found:
            continue  # both drawings wear the same, and the first one's words say how much
        found.pop(entry.id, None)
        found[entry.id] = adapter.model_copy(update={"adapter": entry.id, "text_weight": adapter.on_text})
    values[field] = [adapter.model_dump() for adapter in found.values()]


def _read_tags(tags: list[str], name: str, problems: list[UserError]) -> list[tuple[Adapter, str]]:
    read: list[tuple[Adapter, str]] = []
    for tag in tags:
        try:
            read += [(adapter, name) for adapter in _ADAPTERS.validate_python([short_form(tag)])]
        except ValidationError as error:
            wrong = error.errors(include_url=False)[0]
            said = f"<lora:{tag[:80]}> is not understood: {shown(wrong['input'])} is not a weight from -10 to 10."
            hint = "Write <lora:name:0.8>, or <lora:name:0.5:0.8> with the text encoders' weight first."
            problems.append(UserError("PARAM_INVALID", said, hint, name))
    return read


def _check_fit(adapter: CatalogEntry, checkpoint: CatalogEntry, field: str) -> None:
    if reason := misfit(adapter, checkpoint):
        raise UserError(
            "LORA_INCOMPATIBLE",
            f"{adapter.name} does not fit {checkpoint.name}: {reason}.",
            f"Choose a {kind_word(adapter)} for {base_word(checkpoint.base)}, or another model.",
            field,
        )
