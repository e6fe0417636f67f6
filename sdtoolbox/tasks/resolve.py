"""From what a person asked for to what will be done: names to ids, open fields to values, the seed drawn."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from functools import partial
from typing import Any, TypeVar

from sdtoolbox.errors import InvalidRequest, UserError
from sdtoolbox.extensions import Registries
from sdtoolbox.images.store import ImageStore
from sdtoolbox.models.catalog import Catalog
from sdtoolbox.models.entries import SHELVES, CatalogEntry
from sdtoolbox.models.fit import misfit
from sdtoolbox.prompts.styles import StyleFile
from sdtoolbox.prompts.wildcards import Wildcards
from sdtoolbox.protocols import Form
from sdtoolbox.schema.fields import LARGEST_SEED
from sdtoolbox.schema.requests import Request, control_of
from sdtoolbox.schema.txt2img import Txt2Img
from sdtoolbox.tasks.choosing import enlarger, resolve_restoring
from sdtoolbox.tasks.hires import second_size
from sdtoolbox.tasks.inputs import resolve_eraser, resolve_pictures
from sdtoolbox.tasks.later_models import resolve_later_models
from sdtoolbox.tasks.options import resolve_options
from sdtoolbox.tasks.plotting import planned
from sdtoolbox.tasks.rewriting import Rewriting
from sdtoolbox.tasks.steers import resolve_steers
from sdtoolbox.tasks.styles import apply_styles
from sdtoolbox.tasks.wordings import count_combinations, resolve_words

R = TypeVar("R", bound=Request)

# How the models of a family carry noise; every family of the catalog's FAMILY_DEFAULTS stands here.
FORM_OF_BASE: Mapping[str, Form] = dict.fromkeys(("sd1", "sd2", "sdxl", "sdxl_refiner"), "variance_exploding")
FORM_WORDS: Mapping[Form, str] = {"variance_exploding": "diffusion models", "flow": "flow models"}
DRAWN_SEEDS = 2**32
"""Drawn seeds stay below this, though larger ones may be asked for: they are read aloud and typed."""


def resolve(
    request: R,
    registries: Registries,
    catalog: Catalog,
    *,
    wildcards: Wildcards | None = None,
    styles: StyleFile | None = None,
    store: ImageStore | None = None,
) -> R:
    """The same request with nothing left open, ready to be queued, stored and replayed.

    `UserError` names the field at fault, `InvalidRequest` all of them if there are several: unknown sampler,
    schedule, steer, checkpoint, VAE or adapter, a sampler that cannot draw with this kind of model, an option that it
    does not have, an adapter that was made for another model, a seed too large for its batch. Adapters named in the
    prompt join those of the field. Styles are applied, what prompts say in syntaxes of extensions is rewritten, and
    what they leave open is decided, by the seed of each picture, with these `wildcards`; None are none. Pictures are
    looked for in `store`: they decide about sizes that are left open. A plot gets the plan of its cells. Resolving
    twice changes nothing.
    """
    if getattr(request, "plot", None) is not None:
        return planned(
            request,
            partial(resolve, registries=registries, catalog=catalog, wildcards=wildcards, styles=styles, store=store),
        )
    values = request.model_dump()
    wildcards = wildcards or Wildcards(None)
    problems: list[UserError] = []
    checkpoint = _resolve_checkpoint(request, values, catalog, problems)
    apply_styles(request, values, checkpoint, styles or StyleFile(None), problems)
    resolve_pictures(request, values, checkpoint, store, registries, problems)
    resolve_eraser(request, values, catalog, problems)
    resolve_restoring(request, values, store, registries, catalog, problems)
    if checkpoint is not None:
        _fill_open(values, checkpoint)
    _resolve_vae(request, values, checkpoint, catalog, problems)
    resolve_later_models(request, values, checkpoint, catalog, registries, problems)
    _resolve_names(request, values, registries, catalog, problems)
    resolve_options(request, values, registries, problems)
    resolve_steers(request, values, registries, problems)
    if checkpoint is not None and not problems:
        _check_form(values, checkpoint, registries, problems)
    rewriting = Rewriting(registries.prompt_syntaxes)
    rewriting.apply(request, values, problems)
    combinations = count_combinations(request, values, wildcards, rewriting, problems)
    _draw_seed(values, problems)
    resolve_words(request, values, combinations, checkpoint, catalog, wildcards, rewriting, problems)
    if len(problems) == 1:
        raise problems[0]  # with its own code: MODEL_MISSING says more than PARAM_INVALID
    if problems:
        raise InvalidRequest(problems)
    resolved = _validated(request, values, checkpoint)
    if isinstance(resolved, Txt2Img) and resolved.hires:
        second_size(resolved)
    return resolved


def _resolve_checkpoint(
    request: Request, values: dict[str, Any], catalog: Catalog, problems: list[UserError]
) -> CatalogEntry | None:
    given = ["vae"] if any(values[name] is not None for name in _fields(request, "vaes")) else []
    if "checkpoint" not in values:
        return None
    try:
        found = catalog.find(values["checkpoint"], field="checkpoint", given=given)
    except UserError as error:
        problems.append(error)
        return None
    values["checkpoint"] = found.id
    return found


def _resolve_vae(
    request: Request,
    values: dict[str, Any],
    checkpoint: CatalogEntry | None,
    catalog: Catalog,
    problems: list[UserError],
) -> None:
    for name in _fields(request, "vaes"):
        if values[name] is None:
            continue
        try:
            found = catalog.find(values[name], "vae", name)
        except UserError as error:
            problems.append(error)
            continue
        values[name] = found.id
        if checkpoint is not None and (reason := misfit(found, checkpoint)):
            said = f"{found.name} does not fit {checkpoint.name}: {reason}."
            problems.append(UserError("MODEL_TYPE", said, "Leave the VAE empty to take the model's own.", name))


def _fields(request: Request, shelf: str) -> list[str]:
    return [name for name in type(request).model_fields if control_of(type(request), name).choices == shelf]


def _fill_open(values: dict[str, Any], checkpoint: CatalogEntry) -> None:
    for name, value in values.items():
        if value is None and name in checkpoint.defaults:
            values[name] = checkpoint.defaults[name]


def _resolve_names(
    request: Request, values: dict[str, Any], registries: Registries, catalog: Catalog, problems: list[UserError]
) -> None:
    for name, value in values.items():
        control = control_of(type(request), name)
        choices = control.choices
        unused = control.of and not values[control.of]
        if choices in ("", *SHELVES) or value is None or control.kind in ("options", "stages", "steers") or unused:
            continue
        if value in dict(control.options):
            continue
        registry = registries.by_name()[choices]
        try:
            if choices == "upscalers" and value not in registry:
                values[name] = enlarger(value, name, registries, catalog)
            else:
                values[name] = registry.get(value, name).id
        except UserError as error:
            problems.append(error)


def _check_form(
    values: dict[str, Any], checkpoint: CatalogEntry, registries: Registries, problems: list[UserError]
) -> None:
    if values.get("sampler") is None:
        return
    form = FORM_OF_BASE.get(checkpoint.base, "variance_exploding")
    sampler = registries.samplers.get(values["sampler"])
    if form not in sampler.value.forms:
        able = ", ".join(entry.label for entry in registries.samplers if form in entry.value.forms)
        problems.append(
            UserError(
                "PARAM_INVALID",
                f"{sampler.label} does not work with {FORM_WORDS[form]}, and {checkpoint.name} is one.",
                f"These do: {able}.",
                "sampler",
            )
        )


def _draw_seed(values: dict[str, Any], problems: list[UserError]) -> None:
    if "seed" not in values:
        return
    # Picture i has seed + i, so the last one must fit too; of variations it is the other seed that counts up.
    more = values.get("batch_count", 1) * values.get("batch_size", 1) - 1
    varied = values.get("variation_strength", 0) > 0
    for name, most in (("seed", 0 if varied else more), *([("variation_seed", more)] if varied else [])):
        if values[name] == -1:
            values[name] = secrets.randbelow(DRAWN_SEEDS - most)
        elif values[name] + most > LARGEST_SEED:
            problems.append(
                UserError(
                    "PARAM_INVALID",
                    f"{name.replace('_', ' ')} {values[name]} leaves no room for {most + 1} pictures.",
                    f"Allowed for so many is a seed up to {LARGEST_SEED - most}.",
                    name,
                )
            )


def _validated(request: R, values: dict[str, Any], checkpoint: CatalogEntry | None) -> R:
    try:
        return type(request).parse(values)
    except InvalidRequest as error:
        if checkpoint is None:
            raise
        # The request was valid before, so it is a default of the checkpoint that is not.
        problem = error.problems[0]
        raise UserError(
            "PARAM_INVALID",
            f"a default of {checkpoint.name} is wrong: {problem.message}",
            f"Give a value of your own, or correct the checkpoint's sdtoolbox.json. {problem.hint}",
            problem.field,
        ) from None
