"""Upscalers: what enlarges a picture, or its latents, before it is drawn again."""
