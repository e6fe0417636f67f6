"""Example: a sampler in seven lines of work. Copy this file, rename it, change the middle.

A file in this folder, or in the `extensions` folder of your home folder, is loaded at start. The one thing it must
have is `register(ext)`, at the end here.
"""

from itertools import pairwise


# The function's name is the sampler's id. The arguments are the same for all samplers:
#   denoise(x, sigma)  the network: what x, which carries noise of standard deviation sigma, may look like without
#   x                  float32 tensor [images, channels, height, width], at first noise of sigmas[0]
#   sigmas             falling floats; the last one is 0
#   noise(a, b)        fresh noise for the step from level a to b, for samplers that want some
#   on_step(i, x, d)   to be called once a step, for progress and preview
# An argument of your own after these, with a default (`strength=0.5`), is an option of your sampler.
# No import of torch: plain arithmetic works on tensors, and the web page, which has no torch, can load the file too.
def ralston(denoise, x, sigmas, *, noise, on_step):
    """Looks again at two thirds of each step: second order, with the smallest error bound of all such methods."""
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        h = sigma_next - sigma
        denoised = denoise(x, sigma)
        slope = (x - denoised) / sigma  # the equation that every sampler solves: dx/dsigma = (x - denoised) / sigma
        between, x_between = sigma + h * 2 / 3, x + slope * h * 2 / 3
        slope_between = (x_between - denoise(x_between, between)) / between
        x = x + (slope + 3 * slope_between) / 4 * h  # Ralston (1962), "Runge-Kutta Methods with Minimum Error Bounds"
        on_step(i, x, denoised)
    return x


def register(ext):
    # From here on it is in the form, the command line, the API and the pictures' metadata. The first sentence of
    # its docstring is the help that people see.
    ext.sampler(ralston, label="Ralston")
