"""The tab of everything in the model folders: cards to search, what is known of each, what is in memory now."""

from __future__ import annotations

from collections.abc import Sequence

import gradio as gr

from sdtoolbox.models.annotations import DEFAULTS
from sdtoolbox.schema.txt2img import Txt2Img
from sdtoolbox.toolbox import Toolbox
from sdtoolbox.ui import pieces
from sdtoolbox.ui.i18n import Texts
from sdtoolbox.ui.model_views import ModelViews
from sdtoolbox.ui.naming import label_of
from sdtoolbox.ui.task_tab import TaskTab


def build_models_tab(toolbox: Toolbox, texts: Texts, tabs: Sequence[TaskTab], *, shared: bool) -> gr.HTML:
    """The tab in the current Blocks; a model can be taken into the forms of `tabs`. Returns the piece it is made of."""
    registries = toolbox.registries
    choices = {
        name: [(entry.id, entry.label) for entry in registry]
        for name, registry in (("sampler", registries.samplers), ("schedule", registries.schedules))
    }
    return pieces.models(
        texts,
        ModelViews(toolbox, texts, shared=shared).functions(),
        choices=choices,
        fields={name: label_of(Txt2Img, name, texts) for name in DEFAULTS},
        tasks=[{"id": tab.request.task, "label": tab.label} for tab in tabs if "checkpoint" in tab.fields],
        editable=not shared,
    )
