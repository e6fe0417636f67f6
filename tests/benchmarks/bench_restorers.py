"""The built-in denoiser beside OpenCV's non-local means for colours, on the same picture, in one run.

python tests/benchmarks/bench_restorers.py [--side 512] [--rounds 5] [--threads 1]

Machines are noisy: the two are timed in turns, in processor time as well as by the clock, and the ratio is the median
of the rounds' own ratios. It should not exceed 4.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from sdtoolbox.training.restore import leaves  # noqa: E402
from sdtoolbox.training.restore.measuring import Network  # noqa: E402

DENOISER = "sdtoolbox-denoiser"
SIGMA = 25
ALLOWED = 4.0


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds by the clock and of processor time."""
    clock, processor = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - clock, time.process_time() - processor


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=512, help="of the picture, in pixels; a multiple of 8, up to 512")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    cv2.setNumThreads(given.threads)
    clean = leaves.draw(0, 0)[: given.side, : given.side]
    noise = np.random.default_rng(0).normal(0.0, SIGMA, clean.shape)
    noisy = np.asarray(np.clip(np.rint(clean + noise), 0, 255), np.uint8)
    network = Network(ROOT / "assets" / "models" / "restorers" / DENOISER / f"{DENOISER}.safetensors")
    shown = noisy / 255.0

    means, nets = [], []
    for number in range(given.rounds + 1):
        mean = timed(lambda: cv2.fastNlMeansDenoisingColored(noisy, None, SIGMA, SIGMA, 7, 21))
        net = timed(lambda: network(shown, SIGMA / 255.0))
        if number:  # the first of each is warming up
            means.append(mean)
            nets.append(net)
    print(f"{given.side} x {given.side}, {given.threads} threads, torch {torch.__version__}, OpenCV {cv2.__version__}")
    print("| | non-local means (s) | denoiser (s) | ratio |\n| --- | --- | --- | --- |")
    ratios = {}
    for place, name in enumerate(("clock", "processor")):
        ratios[name] = statistics.median(net[place] / mean[place] for net, mean in zip(nets, means, strict=True))
        each = (statistics.median(one[place] for one in series) for series in (means, nets))
        print(f"| {name} | " + " | ".join(f"{value:.2f}" for value in each) + f" | {ratios[name]:.2f} |")
    return 0 if ratios["processor"] <= ALLOWED else 1


if __name__ == "__main__":
    raise SystemExit(main())
