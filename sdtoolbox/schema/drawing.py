"""What all requests have in common that a diffusion model answers: words, model, sampler, seed, guidance."""

from __future__ import annotations

from pydantic import Field

from sdtoolbox.schema.fields import (
    Adapters,
    BatchCount,
    BatchSize,
    CheckpointName,
    ClipSkip,
    Combinatorial,
    Emphasis,
    GuidanceScale,
    Height,
    NegativePrompt,
    PlotField,
    Prompt,
    SamplerName,
    ScheduleName,
    Seed,
    Steps,
    Styles,
    VaeName,
    Width,
    Wordings,
)
from sdtoolbox.schema.requests import Request
from sdtoolbox.schema.second_pass import (
    Refiner,
    RefinerSwitchAt,
)
from sdtoolbox.schema.steering import (
    FreeUB1,
    FreeUB2,
    FreeUS1,
    FreeUS2,
    GuidanceEnd,
    GuidanceInTurn,
    GuidanceRescale,
    GuidanceStart,
    PagScale,
    SamplerOptions,
    ScheduleOptions,
    SeedResizeHeight,
    SeedResizeWidth,
    Tiling,
    VariationSeed,
    VariationStrength,
)
from sdtoolbox.schema.steers import Steers


class Drawing(Request):
    """Pictures that a diffusion model draws; what they are drawn from is for each task to add."""

    prompt: Prompt = Field("", description="What the picture shows, in words.")
    negative_prompt: NegativePrompt = Field("", description="What the picture should keep away from.")
    styles: Styles = Field((), description="Words and settings that are kept under a name, put around the prompt.")
    checkpoint: CheckpointName | None = Field(None, description="The model that draws; by id, name or hash.")
    vae: VaeName | None = Field(None, description="What decodes the picture; empty takes the checkpoint's own.")
    adapters: Adapters = Field((), description="LoRAs and their kin, as name:weight or name:weight:weight on the text.")
    width: Width | None = Field(None, description="Its width in pixels; empty takes the checkpoint's own.")
    height: Height | None = Field(None, description="Its height in pixels; empty takes the checkpoint's own.")
    steps: Steps | None = Field(None, description="How many times the noise is lowered: more is slower and finer.")
    sampler: SamplerName | None = Field(None, description="The method that goes from noise to picture.")
    schedule: ScheduleName | None = Field(None, description="How the noise levels are spread over the steps.")
    guidance_scale: GuidanceScale | None = Field(
        None, description="How closely to follow the words; 1 leaves guidance out and is twice as fast."
    )
    clip_skip: ClipSkip | None = Field(
        None, description="Which layer of the text encoder is read, from the end: 1 is the last one."
    )
    emphasis: Emphasis = Field("original", description="What the weight of a word does: with the mean restored or not.")
    combinatorial: Combinatorial = Field(
        False, description="Draw every combination of {a|b} and wildcards, each as often as was asked for."
    )
    wordings: Wordings = Field((), description="What each picture says, where prompts leave something open; see docs.")
    seed: Seed = Field(-1, description="Where chance starts: the same seed draws the same picture; -1 takes any.")
    batch_count: BatchCount = Field(1, description="How many batches to draw, one after another.")
    batch_size: BatchSize = Field(1, description="How many pictures to draw at the same time.")
    sampler_options: SamplerOptions = Field({}, description="Options of the sampler, as name=value.")
    schedule_options: ScheduleOptions = Field({}, description="Options of the schedule, as name=value.")
    guidance_rescale: GuidanceRescale = Field(
        0.0, description="How much of the contrast that strong guidance adds is taken back."
    )
    guidance_start: GuidanceStart = Field(0.0, description="The share of the steps before which guidance rests.")
    guidance_end: GuidanceEnd = Field(1.0, description="The share of the steps after which guidance rests.")
    guidance_in_turn: GuidanceInTurn = Field(
        False, description="Ask the network for one prompt after the other: less memory, a little slower."
    )
    pag_scale: PagScale = Field(
        0.0, description="Away from a picture drawn without attention, for clearer shapes; one more call a step."
    )
    freeu_b1: FreeUB1 = Field(1.0, description="FreeU: weight of the deepest features; 1.3 to 1.5 is usual.")
    freeu_b2: FreeUB2 = Field(1.0, description="FreeU: weight of the features above them; 1.4 to 1.6 is usual.")
    freeu_s1: FreeUS1 = Field(1.0, description="FreeU: weight of the deepest coarse details; 0.9 is usual.")
    freeu_s2: FreeUS2 = Field(1.0, description="FreeU: weight of the coarse details above them; 0.2 is usual.")
    steers: Steers = Field(
        (), description="What bends each estimate after guidance, one around the other, as name: option=value."
    )
    variation_seed: VariationSeed = Field(-1, description="The seed that the picture is moved towards; -1 takes any.")
    variation_strength: VariationStrength = Field(0.0, description="How far: 0 stays, 1 arrives at the other seed.")
    seed_resize_width: SeedResizeWidth = Field(
        0, description="Keep the composition that the seed has at this width; 0 is off."
    )
    seed_resize_height: SeedResizeHeight = Field(
        0, description="Keep the composition that the seed has at this height; 0 is off."
    )
    tiling: Tiling = Field("none", description="Opposite edges fit each other, so that the picture can be repeated.")
    refiner: Refiner | None = Field(None, description="A second model that draws the last steps; empty: none.")
    refiner_switch_at: RefinerSwitchAt = Field(0.8, description="The share of the steps after which it takes over.")
    plot: PlotField = Field(
        None, description="Draw it again and again with other values, along up to three axes, and a grid of them all."
    )
