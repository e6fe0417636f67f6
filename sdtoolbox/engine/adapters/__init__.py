"""LoRA and its kin: read from the files that trainers write, attached to a loaded checkpoint, and taken off again."""

from sdtoolbox.engine.adapters.attaching import Attached, attach
from sdtoolbox.engine.adapters.loading import Coverage, LoadedAdapter, load_adapter

__all__ = ["Attached", "Coverage", "LoadedAdapter", "attach", "load_adapter"]
