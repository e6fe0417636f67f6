"""`python app.py` is `sdtoolbox serve`, from a checkout too; it is also the entry on Hugging Face Spaces."""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))  # works without being installed

if __name__ == "__main__":
    if os.environ.get("SPACE_ID"):  # a Space is reached through its proxy, which asks on this address
        os.environ.setdefault("SDTOOLBOX_HOST", "0.0.0.0")
        os.environ.setdefault("SDTOOLBOX_PORT", "7860")

    from sdtoolbox.cli import main

    main(["serve", *sys.argv[1:]])
