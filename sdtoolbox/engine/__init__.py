"""Everything that needs torch and diffusers: loading, encoding, predicting, decoding."""

import os

# Read once, when torch is first imported. Threads that wait by spinning take the cores from whoever else has work:
# on two busy cores drawing was seven times slower without this.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
# Nothing that a model's files say makes the libraries fetch anything.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
