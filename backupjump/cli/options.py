"""The options that stand before every command."""

from __future__ import annotations

from backupjump.frame import Options as Options  # the Desktop's front has the same
