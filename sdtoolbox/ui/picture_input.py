"""A field that takes a picture in: in the forms of tasks, and for extensions in tabs of their own."""

from __future__ import annotations

import secrets
from html import escape
from typing import Any

import gradio as gr

from sdtoolbox.images.video.opening import SUFFIXES as VIDEOS
from sdtoolbox.ui.i18n import Texts
from sdtoolbox.ui.pieces import template
from sdtoolbox.ui.scripts import call


def picture_input(texts: Texts, label: str, *, help: str = "", videos: bool = False) -> gr.HTML:
    """A field where a picture is dropped, pasted or chosen, in the current Blocks; its value is an id, or None.

    Of what it is called, `toolbox.picture_path(id)` is the file as it came; its event is `input`. It sends the file to
    the toolbox's own store, where it stays, and which refuses what is no picture, in words. Gradio's own components for
    files would serve to everybody what they were sent, and place information in it too. `texts` are those that a tab
    is given; `help` is read out with the label.
    """
    identity = f"sd-picture-{secrets.token_hex(4)}"
    return picture_piece(
        texts,
        moving=videos,
        elem_id=identity,
        field_id=identity,
        input_id=f"{identity}-input",
        field_label=escape(label),
        help=escape(help),
    )


def picture_piece(
    texts: Texts, *, kind: str = "picture", moving: bool = False, task: str = "", extra: str = "", **words: Any
) -> gr.HTML:
    """The piece itself; `task` is the one whose form it belongs to, `extra` is markup for more buttons.

    `words` are its ids, its label and its help, escaped, and what else Gradio knows of a component.
    """
    return gr.HTML(
        value=None,
        html_template=template("picture", texts),
        **call("picture", texts),
        kind=kind,
        moving=moving,
        videos=f",{','.join(VIDEOS)}" if moving else "",
        task=task,
        extra=extra,
        **{"apply_default_css": False, "elem_classes": ["sd-block"]} | words,
    )
