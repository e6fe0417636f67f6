"""What authors of extensions test with, our own tests use too."""

from sdtoolbox.builtin import builtin_registries as builtin_registries
from sdtoolbox.testing.context import FakeContext as FakeContext
from sdtoolbox.testing.denoisers import gaussian as gaussian
from sdtoolbox.testing.denoisers import gaussian_solution as gaussian_solution
from sdtoolbox.testing.denoisers import geometric as geometric
from sdtoolbox.testing.model import STABLE_DIFFUSION as STABLE_DIFFUSION
from sdtoolbox.testing.model import GaussianModel as GaussianModel
