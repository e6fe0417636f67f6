"""For authors of extensions: models in closed form, a toolbox that draws with them, and checks of what they add.

>>> from sdtoolbox.testing import check_sampler, fake_toolbox, gaussian

Nothing here downloads or needs weights; torch is imported when a function that needs it is called.
"""

from sdtoolbox.testing.check import Check as Check
from sdtoolbox.testing.checking import check_architecture as check_architecture
from sdtoolbox.testing.checking import check_extension as check_extension
from sdtoolbox.testing.checking import check_filler as check_filler
from sdtoolbox.testing.checking import check_hook as check_hook
from sdtoolbox.testing.checking import check_preprocessor as check_preprocessor
from sdtoolbox.testing.checking import check_prompt_syntax as check_prompt_syntax
from sdtoolbox.testing.checking import check_restorer as check_restorer
from sdtoolbox.testing.checking import check_route as check_route
from sdtoolbox.testing.checking import check_sampler as check_sampler
from sdtoolbox.testing.checking import check_schedule as check_schedule
from sdtoolbox.testing.checking import check_selector as check_selector
from sdtoolbox.testing.checking import check_steer as check_steer
from sdtoolbox.testing.checking import check_tab as check_tab
from sdtoolbox.testing.checking import check_task as check_task
from sdtoolbox.testing.checking import check_upscaler as check_upscaler
from sdtoolbox.testing.conformance import checks_of as checks_of
from sdtoolbox.testing.conformance import checks_of_file as checks_of_file
from sdtoolbox.testing.context import FakeContext as FakeContext
from sdtoolbox.testing.denoisers import gaussian as gaussian
from sdtoolbox.testing.denoisers import gaussian_solution as gaussian_solution
from sdtoolbox.testing.denoisers import geometric as geometric
from sdtoolbox.testing.denoisers import mixture as mixture
from sdtoolbox.testing.model import GaussianModel as GaussianModel
from sdtoolbox.testing.noise import batch_noise as batch_noise
from sdtoolbox.testing.toolboxes import fake_engine as fake_engine
from sdtoolbox.testing.toolboxes import fake_settings as fake_settings
from sdtoolbox.testing.toolboxes import fake_toolbox as fake_toolbox
