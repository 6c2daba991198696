"""`python -m fcmbench`."""

from __future__ import annotations

import sys

from fcmbench.main import main

sys.exit(main())
