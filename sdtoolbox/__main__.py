"""`python -m sdtoolbox` is the command `sdtoolbox`."""

from sdtoolbox.cli import main

if __name__ == "__main__":
    main()
