"""`python3 -I -m backupjump.gate --config FILE`: the gate without a console script."""

from __future__ import annotations

import sys

from backupjump.gate.main import main

sys.exit(main())
