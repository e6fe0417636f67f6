"""What a file or folder is, from the names and shapes of its tensors: never from its name or size.

`ARCHITECTURES` has a row for everything that is known; the first one that fits says what a file is. Rows of parts
which also occur inside larger files (a VAE, a text encoder) come last. To add an architecture, add a row, and a
fixture of its names in tests/models/layouts.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from sdtoolbox.models.adapter_layouts import ADAPTERS
from sdtoolbox.models.added import AddedArchitectures
from sdtoolbox.models.control_layouts import CONTROLS, EMBEDDINGS
from sdtoolbox.models.diffusion_upscalers import ROWS as UPSCALERS
from sdtoolbox.models.folders import look_into
from sdtoolbox.models.header import Header
from sdtoolbox.models.part_layouts import PARTS
from sdtoolbox.models.recognition import Architecture, Names, Recognition, unsupported
from sdtoolbox.models.restorer_layouts import RESTORERS
from sdtoolbox.models.transformers import TRANSFORMERS
from sdtoolbox.models.unets import UNETS

__all__ = ["ARCHITECTURES", "Architecture", "Recognition", "recognise", "recognise_folder"]

ARCHITECTURES: tuple[Architecture, ...] = (
    *CONTROLS,
    *ADAPTERS,
    *UPSCALERS,
    *UNETS,
    *TRANSFORMERS,
    *RESTORERS,
    *PARTS,
    *EMBEDDINGS,
)
# What libraries that store weights in few bits put beside each tensor.
QUANTISED = (".absmax", ".scale_weight", ".weight_scale", ".comfy_quant", ".qweight", ".nested_absmax", "scaled_fp8")


def recognise(header: Header, added: AddedArchitectures | None = None) -> Recognition:
    """What a safetensors file is; "unknown" with the names that were seen where no row fits. Takes milliseconds.

    What extensions have `added` is asked last.
    """
    names = Names(header.tensors, header.metadata)
    for row in ARCHITECTURES:
        if (found := row.recognise(names)) is not None:
            return _loadable(found, header)
    unknown = _unknown(names)
    return unknown if added is None else _loadable(added.recognise(names, unknown), header)


def recognise_folder(folder: Path) -> Recognition:
    """What a folder in the layout of diffusers is, a pipeline (model_index.json) or one part of one (config.json).

    Reads its configuration and the headers of its weight files, and runs nothing of it. Never raises for a bad one:
    the state is "broken", with the reason.
    """
    return look_into(folder, recognise)


def _loadable(found: Recognition, header: Header) -> Recognition:
    if found.state not in ("ready", "incomplete"):
        return found
    if found.precision == "int8" or any(name.endswith(QUANTISED) for name in header.tensors):
        return unsupported(found, "its weights are quantised, which cannot be loaded yet")
    return found


def _unknown(names: Names) -> Recognition:
    some = list(names.tensors)
    shown = ", ".join(ascii(name[:60])[1:-1] for name in some[:3])
    more = f" and {len(some) - 3} more" if len(some) > 3 else ""
    return replace(
        Recognition(kind="unknown", base="unknown", state="unknown"),
        precision=names.precision(),
        reason=f"its tensors ({shown}{more}) are those of no model known here",
    )
