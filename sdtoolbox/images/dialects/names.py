"""How other programs call samplers and schedules, as the labels that stand in A1111's texts."""

from __future__ import annotations

SAMPLERS = {
    "euler": "Euler",
    "euler_a": "Euler a",
    "euler_ancestral": "Euler a",
    "heun": "Heun",
    "heunpp2": "HeunPP2",
    "dpm_2": "DPM2",
    "dpm_2_a": "DPM2 a",
    "dpm_2_ancestral": "DPM2 a",
    "kdpm_2": "DPM2",
    "kdpm_2_a": "DPM2 a",
    "lms": "LMS",
    "dpm_fast": "DPM fast",
    "dpm_adaptive": "DPM adaptive",
    "dpmpp_2": "DPM++ 2M",
    "dpmpp_2_a": "DPM++ 2S a",
    "dpmpp_2s": "DPM++ 2S a",
    "dpmpp_2s_ancestral": "DPM++ 2S a",
    "dpmpp_sde": "DPM++ SDE",
    "dpmpp_2m": "DPM++ 2M",
    "dpmpp_2m_sde": "DPM++ 2M SDE",
    "dpmpp_3m_sde": "DPM++ 3M SDE",
    "ddim": "DDIM",
    "ddim_v3": "DDIM",
    "ddpm": "DDPM",
    "deis": "DEIS",
    "ipndm": "IPNDM",
    "lcm": "LCM",
    "plms": "PLMS",
    "pndm": "PLMS",
    "restart": "Restart",
    "tcd": "TCD",
    "uni_pc": "UniPC",
    "uni_pc_bh2": "UniPC",
    "unipc": "UniPC",
}
SCHEDULES = {
    "normal": "Normal",
    "karras": "Karras",
    "exponential": "Exponential",
    "polyexponential": "Polyexponential",
    "sgm_uniform": "SGM Uniform",
    "simple": "Simple",
    "ddim_uniform": "DDIM",
    "beta": "Beta",
    "kl_optimal": "KL Optimal",
    "turbo": "Turbo",
}


def sampler_and_schedule(sampler: object, schedule: object = None) -> dict[str, str]:
    """The pairs "Sampler" and "Schedule type" of a program's own names; a name that nobody knows stays as it is.

    "k_euler" and "euler_sde_gpu" say the same without the ends; "dpmpp_2m_k" is a sampler with Karras' schedule.
    """
    pairs: dict[str, str] = {}
    if isinstance(sampler, str) and sampler:
        name = sampler.casefold().replace("-", "_").removesuffix("_gpu")
        if name not in SAMPLERS:
            name = name.removeprefix("k_").removeprefix("sample_")
        if name not in SAMPLERS and name.endswith("_k"):
            name, schedule = name.removesuffix("_k"), schedule or "karras"
        pairs["Sampler"] = SAMPLERS.get(name, sampler)
    if isinstance(schedule, str) and schedule not in ("", "native"):
        pairs["Schedule type"] = SCHEDULES.get(schedule.casefold(), schedule)
    return pairs
