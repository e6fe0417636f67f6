"""Samplers and schedules: plain arithmetic over denoise(x, sigma)."""
