"""A chain of restorers over one picture: what denoising and enlarging have in common."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace

import numpy as np

from sdtoolbox.errors import UserError
from sdtoolbox.images.quality import difference, psnr, ssim
from sdtoolbox.images.raster import Box, Raster
from sdtoolbox.images.resampling import resampled
from sdtoolbox.protocols import Drawn, Restorer, TaskContext
from sdtoolbox.schema.restoring import Restoring
from sdtoolbox.schema.stages import RestoreStage
from sdtoolbox.tasks.chains import Chain
from sdtoolbox.tasks.clock import Clock
from sdtoolbox.tasks.diffusion import concrete
from sdtoolbox.tasks.enlarging import announced, opened
from sdtoolbox.tasks.faces import NO_FACE, faces_treated, found_faces, restores_faces, whole_faces
from sdtoolbox.tasks.mixing import together
from sdtoolbox.tasks.prior import Prior
from sdtoolbox.tasks.tiling import Treatment, treated

BAND = 96
"""Rows that are worked on at a time."""
LEVELS = 255
"""Noise levels are said in units of 8-bit values."""
NOTHING = "nothing was done: neither noise nor traces of JPEG were found, and no stage was asked for"


def treatments_of(
    request: Restoring, stages: Sequence[RestoreStage], ctx: TaskContext, held: ExitStack
) -> list[Treatment]:
    """The stages of a resolved request with their restorers, which are kept loaded until `held` ends."""
    noise = concrete(request.noise) / LEVELS
    return [
        Treatment(
            prior(stage.restorer, ctx, held) if stage.diffusion else opened(stage.restorer, ctx, held),
            noise * stage.strength,
            stage.blend,
            concrete(request.jpeg_quality),
            stage.options,
        )
        for stage in stages
    ]


def prior(checkpoint: str, ctx: TaskContext, held: ExitStack, scale: int = 1) -> Restorer:
    """A checkpoint that restores, leased until `held` ends; the result says that it invents."""
    model = held.enter_context(ctx.lease(checkpoint))
    return announced(Prior(model, ctx, scale), ctx)


def restored(request: Restoring, chain: Chain, source: Raster, ctx: TaskContext) -> Raster:
    """What a chain makes of a picture, or of the request's window in it: as that part of the whole would become."""
    if not chain.treatments and not chain.resizes:
        ctx.warnings.append(NOTHING)
    _reference(request, chain, ctx)  # one that does not fit is refused now, not after all the work
    box = window_of(request, source.size)
    chain = _with_faces(chain, source)
    if not chain.faces:
        ctx.warnings.extend(NO_FACE.format(one.restorer.name) for one in chain.treatments if restores_faces(one))
    around = chain.around(box)
    part = source if around == (0, 0, *source.size) else source.crop(around)
    chain = replace(chain, faces=whole_faces(chain.faces, around, source.size))
    found = _through(part, chain, Clock(chain, part, ctx), source.grey, (around[1], around[0]))
    ctx.environment.update(together([one.restorer.environment for one in chain.treatments]))
    return _cut(found, chain, around, chain.place(box), ctx)


def restored_frame(chain: Chain, frame: Raster, clock: Clock) -> Raster:
    """What a chain makes of one frame of a video, whose clock is told of it."""
    found = _through(frame, _with_faces(chain, frame), clock, frame.grey, (0, 0))
    clock.next_frame()
    return found.resized(*chain.final)


def _with_faces(chain: Chain, picture: Raster) -> Chain:
    """The chain with the faces of a whole picture, where it restores any."""
    return replace(chain, faces=found_faces(chain.treatments, picture))


def window_of(request: Restoring, size: tuple[int, int]) -> Box:
    """The part of a picture of this size that is asked for, the whole if none is; PARAM_INVALID if it is not inside."""
    if request.window is None:
        return 0, 0, *size
    left, top, right, bottom = request.window
    if not (0 <= left < right <= size[0] and 0 <= top < bottom <= size[1]):
        said = f"the window {left}, {top}, {right}, {bottom} is not inside the picture of {_said(size)}."
        raise UserError("PARAM_INVALID", said, "Give left, top, right and bottom in its pixels.", "window")
    return left, top, right, bottom


def finished(request: Restoring, chain: Chain, source: Raster, found: Raster, ctx: TaskContext) -> Iterator[Drawn]:
    """The result with what was measured of it, and the map of differences if it is asked for.

    They are those from the reference, and without one from the picture itself in the result's size.
    """
    measured = damage_known(request)
    reference = _reference(request, chain, ctx)
    if reference is not None:
        reference = reference.of_depth(found.pixels.dtype)
        measured |= {"psnr": psnr(found.pixels, reference.pixels), "ssim": ssim(found.pixels, reference.pixels)}
    yield Drawn(found, 0, request, 0, measured={name: round(value, 3) for name, value in measured.items()})
    if request.difference_map:
        other = reference or source.crop(window_of(request, source.size)).resized(*found.size)
        yield Drawn(Raster(difference(found.pixels, other.pixels)), 0, request, 1)


def damage_known(request: Restoring) -> dict[str, float]:
    """What a resolved request says of its picture's damage, as results have it."""
    return {"noise": concrete(request.noise), "jpeg_quality": float(concrete(request.jpeg_quality))}


def _reference(request: Restoring, chain: Chain, ctx: TaskContext) -> Raster | None:
    """The part of the reference that the result is to be like; PARAM_INVALID if it has not the whole result's size."""
    if request.reference is None:
        return None
    reference = ctx.picture(request.reference)
    if reference.size != chain.final:
        said = f"the reference has {_said(reference.size)} pixels, the result {_said(chain.final)}."
        raise UserError("PARAM_INVALID", said, "Give a reference of the result's size, or none.", "reference")
    return reference.crop(chain.place(window_of(request, chain.size)))


def _through(source: Raster, chain: Chain, clock: Clock, grey: bool, at: tuple[int, int]) -> Raster:
    """The raster after all treatments, in the size that they give it, at its own depth; `grey` if it is to be that.

    It is a part of a picture that begins `at` (top, left).
    """
    if not chain.treatments:
        return replace(source, pixels=source.visible()) if chain.resizes else source
    pixels, scale = source.visible(), 1
    for i, treatment in enumerate(chain.treatments):
        # What one stage hands to the next keeps more than 8 bits: else the steps between them would show.
        last = i == len(chain.treatments) - 1
        dtype = source.pixels.dtype if last else np.dtype(np.uint16)
        place = at[0] * scale, at[1] * scale
        if restores_faces(treatment):
            faces = [face.scaled(scale).moved(-place[1], -place[0]) for face in chain.faces]
            if faces:
                announced(treatment.restorer, clock.ctx)
            pixels = faces_treated(treatment, faces, pixels, dtype, clock.part(i))
        else:
            pixels = treated(treatment, pixels, dtype, clock.part(i), place)
        scale *= treatment.restorer.scale
    if grey:
        _make_grey(pixels)
    alpha = None if source.alpha is None else _alpha(source.alpha, chain, clock)
    return replace(source, pixels=pixels, alpha=alpha)


def _alpha(plane: np.ndarray, chain: Chain, clock: Clock) -> np.ndarray:
    """The alpha made as large as the colours, by the same restorers, so that the edges of both stay together."""
    for i, treatment in enumerate(chain.treatments):
        scale = treatment.restorer.scale
        if treatment.restorer.invents:  # an outline too
            plane = resampled(plane, plane.shape[1] * scale, plane.shape[0] * scale)
        elif scale > 1:
            grey = np.repeat(plane[..., None], 3, axis=2)
            plane = treated(replace(treatment, noise=0.0), grey, plane.dtype, clock.alpha_part(i))[..., 1]
    return plane


def _said(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"


def _make_grey(pixels: np.ndarray) -> None:
    """Give all channels their mean, in place: a grey picture stays grey."""
    for top in range(0, pixels.shape[0], BAND):
        rows = pixels[top : top + BAND]
        rows[:] = np.rint(rows.mean(axis=2, keepdims=True)).astype(pixels.dtype)


def _cut(found: Raster, chain: Chain, around: Box, place: Box, ctx: TaskContext) -> Raster:
    """What lies at `place` of the whole result, of a result of what lies `around` in the picture."""
    size = place[2] - place[0], place[3] - place[1]
    across, down = chain.final[0] / chain.size[0], chain.final[1] / chain.size[1]
    left, right = ((edge / across - around[0]) * chain.scale for edge in (place[0], place[2]))
    top, bottom = ((edge / down - around[1]) * chain.scale for edge in (place[1], place[3]))
    if not chain.resizes:
        box = round(left), round(top), round(right), round(bottom)
        return found if box == (0, 0, *found.size) else found.crop(box)
    region = max(0.0, left), max(0.0, top), min(found.size[0], right), min(found.size[1], bottom)
    look = ctx.check_cancelled
    alpha = None if found.alpha is None else resampled(found.alpha, *size, region, look)
    return replace(found, pixels=resampled(found.pixels, *size, region, look), alpha=alpha)
