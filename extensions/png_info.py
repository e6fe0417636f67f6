"""Example: a tab. A picture dropped there says how it was drawn, whichever program drew it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdtoolbox.errors import UserError
from sdtoolbox.images.metadata import read_text, read_texts

if TYPE_CHECKING:
    from sdtoolbox.extensions import Extension
    from sdtoolbox.toolbox import Toolbox
    from sdtoolbox.ui.i18n import Texts

SAID = ("parameters", "prompt", "workflow", "Comment", "invokeai_metadata", "comment", "description")
"""Under which names programs write how they drew; what stands there is shown as it is, the first of them."""


WORDS = {
    "en": (
        "Picture",
        "Shown is what stands in it of how it was drawn.",
        "What stands in it",
        "What the toolbox would draw with it",
    ),
    "zh-CN": ("图片", "显示图片中记录的生成方式。", "图片中的内容", "工具箱会据此绘制的内容"),
}
"""An extension brings its own words for the languages of the page."""


def png_info(toolbox: Toolbox, texts: Texts) -> None:
    """Built once for each language of the page; what happens on it later goes through `toolbox`."""
    import gradio as gr  # not at the top: whoever draws has no gradio, and loads this file too

    from sdtoolbox.ui.picture_input import picture_input

    name, help, stands, draws = WORDS.get(texts.language, WORDS["en"])
    with gr.Row():
        picture = picture_input(texts, name, help=help, videos=True)
        with gr.Column():
            said = gr.Textbox(label=stands, lines=6, max_lines=20, buttons=["copy"], interactive=False)
            found = gr.JSON(label=draws)

    def show(identity: str | None) -> tuple[str, dict[str, Any]]:
        return described(toolbox, identity)

    quick = {"queue": False, "concurrency_limit": None, "show_progress": "hidden", "api_visibility": "private"}
    picture.input(show, picture, [said, found], **quick)


def described(toolbox: Toolbox, identity: str | None) -> tuple[str, dict[str, Any]]:
    """The text in a picture of the store as it stands there, and what it says for the task that drew it."""
    if identity is None:
        return "", {}
    said = ""
    try:
        file = toolbox.picture_path(identity)
        texts = read_texts(file)
        said = next((texts[name] for name in SAID if name in texts), "")
        return said, recalled(toolbox, file)
    except UserError as error:
        return said or f"{error.message} {error.hint}", {}


def recalled(toolbox: Toolbox, file: Path) -> dict[str, Any]:
    """What the file says for the task that drew it, or for the first that it could be of; UserError if for none."""
    tasks = toolbox.registries.tasks.ids()
    own = (read_text(file).exact or {}).get("task")
    for task in sorted(tasks, key=lambda task: task != own):  # a stable sort: its own first, the others in their order
        with suppress(UserError):
            found = toolbox.recall(file, task).as_dict()
            return {"task": task} | {name: value for name, value in found.items() if value}
    return toolbox.recall(file).as_dict()  # raises: it says in words that there is nothing


def register(ext: Extension) -> None:
    """Add the tab of this file."""
    ext.tab(png_info, label="PNG info")
