"""`python -m darksieve`, the same as `darksieve`."""

import sys

from darksieve.cli import main

if __name__ == "__main__":
    sys.exit(main())
