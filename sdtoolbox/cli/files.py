"""Files that a command names: pictures on their way into the store, and results on their way out of it.

What opens pictures is imported where it is used, so that a help text needs none of it.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sdtoolbox.errors import UserError
from sdtoolbox.schema.results import Result

if TYPE_CHECKING:
    from sdtoolbox.toolbox import Toolbox

IDENTITY = re.compile("[0-9a-f]{32}")


def input_files(names: Sequence[str], field: str, *, moving: bool = False) -> list[str]:
    """The files that are named, those of a folder in order of their names; ids of the store stay what they are.

    Of a folder the pictures, and with `moving` the videos. UserError for the field if there is no such file, or no
    picture in a folder.
    """
    return [found for name in names for found in _input_files(name, field, moving)]


def _input_files(name: str, field: str, moving: bool) -> Iterator[str]:
    from sdtoolbox.images.opening import NAMES, SUFFIXES
    from sdtoolbox.images.video.opening import SUFFIXES as VIDEOS

    path = Path(name)
    if path.is_dir():
        taken = (*SUFFIXES, *VIDEOS) if moving else SUFFIXES
        inside = sorted(one for one in path.iterdir() if one.suffix.lower() in taken and one.is_file())
        if not inside:
            said = f"there is no picture in {path.name}."
            raise UserError("IMAGE_INVALID", said, f"Looked for are {', '.join(taken)}.", field)
        yield from map(str, inside)
    elif path.is_file() or IDENTITY.fullmatch(name):
        yield name
    else:
        said = f"there is no file {name[:200]}."
        raise UserError("IMAGE_INVALID", said, f"Name a file of {NAMES}, or the id of a picture.", field)


def added(toolbox: Toolbox, name: str, kind: str, field: str) -> str:
    """The id of a picture or a mask that a command names by its file, or by its id."""
    if not Path(name).is_file():
        return name
    try:
        return toolbox.add_mask(Path(name)) if kind == "mask" else toolbox.add_picture(Path(name))
    except UserError as error:
        raise UserError(error.code, f"{Path(name).name}: {error.message}", error.hint, field) from None


def suffix_for(name: str) -> str:
    """How the file of what is made of this input ends, where nobody says."""
    from sdtoolbox.images.video.opening import is_video
    from sdtoolbox.images.video.writing import SUFFIX

    return SUFFIX if is_video(Path(name)) else ".png"


def check_kind(output: Path | None, video: bool) -> None:
    """UserError unless a result of this kind can be written to `output`."""
    from sdtoolbox.images.video.writing import SUFFIX

    if output is None or video == (output.suffix.lower() == SUFFIX):
        return
    said = f"--output {output.name} does not end as a {'video' if video else 'picture'}."
    hint = f"Videos are written as {SUFFIX}." if video else "A picture is no video: choose .png, .tif, .jpg …"
    raise UserError("PARAM_INVALID", said, hint, "output")


def copy_pictures(toolbox: Toolbox, result: Result, output: Path | None) -> list[Path]:
    """Copy a job's pictures to `output` (`out-1.png`, `out-2.png`, … if there are several); where they lie if None.

    In the format that its ending names: see `images.encoding.encoded`. UserError if they cannot be written.
    """
    sources = [toolbox.picture_path(picture.id) for picture in result.pictures]
    if output is None:
        return sources
    numbered = [output.with_stem(f"{output.stem}-{i}") for i in range(1, len(sources) + 1)]
    targets = [output] if len(sources) == 1 else numbered
    try:
        for source, target in zip(sources, targets, strict=True):
            target.parent.mkdir(parents=True, exist_ok=True)
            _copy(source, target)
    except OSError as error:
        raise UserError(
            "DISK_FULL", f"{output} could not be written: {error.strerror}.", "The picture lies in the outputs folder."
        ) from None
    return targets


def _copy(source: Path, target: Path) -> None:
    from sdtoolbox.images.encoding import encoded
    from sdtoolbox.images.metadata import read_text
    from sdtoolbox.images.opening import MOST_OWN_PIXELS
    from sdtoolbox.images.raster import Raster

    if target.suffix.lower() == source.suffix.lower():
        shutil.copyfile(source, target)
    else:
        target.write_bytes(
            encoded(Raster.read(source, MOST_OWN_PIXELS), target.suffix, read_text(source).parameters or "")
        )


def check_output(output: Path | None, inputs: int) -> None:
    """UserError unless `output` can hold what comes out: a picture file, or a folder where there are several inputs."""
    if output is None or (inputs > 1 and not output.suffix):
        return
    if inputs > 1:
        said = f"--output {output.name} is a file, and {inputs} pictures come in."
        raise UserError("PARAM_INVALID", said, "Name a folder.", "output")
    from sdtoolbox.images.encoding import WAYS
    from sdtoolbox.images.video.writing import SUFFIX

    if output.suffix.lower() not in (*WAYS, SUFFIX):
        said = f"--output {output.name} does not end as a picture file that can be written."
        hint = f"Let it end in {', '.join(WAYS)}; of a video in {SUFFIX}."
        raise UserError("PARAM_INVALID", said, hint, "output")
