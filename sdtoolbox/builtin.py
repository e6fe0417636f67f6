"""The built-in modules, each with a `register(ext)` like any extension's, and the loading of all extensions."""

from __future__ import annotations

import importlib
from functools import partial

from sdtoolbox.extensions import LoadReport, Registries, find, load, module_from
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
    "sdtoolbox.tasks.txt2img",
    "sdtoolbox.tasks.img2img",
    "sdtoolbox.tasks.inpaint",
    "sdtoolbox.tasks.erase",
    "sdtoolbox.tasks.denoise",
    "sdtoolbox.tasks.upscale",
)


def load_all(settings: Settings) -> tuple[Registries, list[LoadReport]]:
    """The registries with everything in them, built-ins first, and a report for each extension.

    RuntimeError if a built-in fails: that is a bug of ours, not an author's.
    """
    registries = Registries()
    reports = []
    for name in BUILTIN_MODULES:
        report = load(name, partial(importlib.import_module, name), registries)
        if report.reason:
            raise RuntimeError(f"built-in {name}: {report.details}")
    if not settings.safe_mode:
        for name, file in find(settings.all_extension_folders):
            reports.append(load(name, partial(module_from, name, file), registries))
    return registries, reports
