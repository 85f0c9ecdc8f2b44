"""`python -m portal.demo`: the demo in the foreground (`make demo`)."""

import sys

from portal.demo.launcher import main

if __name__ == "__main__":
    sys.exit(main())
