"""The built-in modules, each with a `register(ext)` like any extension's, and the loading of all extensions."""

from __future__ import annotations

import importlib

from sdtoolbox.extensions.extension import Extension
from sdtoolbox.extensions.loading import Report, load_extensions
from sdtoolbox.extensions.registries import Registries
from sdtoolbox.settings import Settings

BUILTIN_MODULES = (
    "sdtoolbox.samplers.euler",
    "sdtoolbox.samplers.heun",
    "sdtoolbox.samplers.dpm2",
    "sdtoolbox.samplers.dpmpp",
    "sdtoolbox.samplers.dpmpp_single",
    "sdtoolbox.samplers.dpm_solver",
    "sdtoolbox.samplers.multistep",
    "sdtoolbox.samplers.restart",
    "sdtoolbox.samplers.ddim",
    "sdtoolbox.samplers.unipc",
    "sdtoolbox.samplers.lcm",
    "sdtoolbox.samplers.schedules",
    "sdtoolbox.upscalers.latent",
    "sdtoolbox.upscalers.classical",
    "sdtoolbox.fillers.blur",
    "sdtoolbox.fillers.diffused",
    "sdtoolbox.fillers.patches",
    "sdtoolbox.selectors.flood",
    "sdtoolbox.selectors.grab_cut",
    "sdtoolbox.restorers.non_local_means",
    "sdtoolbox.restorers.wavelet",
    "sdtoolbox.restorers.total_variation",
    "sdtoolbox.restorers.bilateral",
    "sdtoolbox.restorers.median",
    "sdtoolbox.restorers.sharpen",
    "sdtoolbox.restorers.deblock",
    "sdtoolbox.preprocessors.edges",
    "sdtoolbox.preprocessors.blur",
    "sdtoolbox.preprocessors.colours",
    "sdtoolbox.tasks.txt2img",
    "sdtoolbox.tasks.img2img",
    "sdtoolbox.tasks.inpaint",
    "sdtoolbox.tasks.erase",
    "sdtoolbox.tasks.denoise",
    "sdtoolbox.tasks.upscale",
)


def builtin_registries() -> Registries:
    """The registries with the built-ins alone. What one raises is raised: it is a bug of ours, not an author's."""
    registries = Registries()
    for name in BUILTIN_MODULES:
        extension = Extension(name)
        importlib.import_module(name).register(extension)
        registries.merge(extension.draft)
    return registries


def load_all(settings: Settings, *, again: bool = False) -> tuple[Registries, list[Report]]:
    """The registries with everything in them, built-ins first, and a report for each extension.

    `again` reads the extensions' files anew.
    """
    registries = builtin_registries()
    return registries, load_extensions(settings, registries, again=again)
