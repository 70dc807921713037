"""`fab -r jobs pull nightly`: the same tasks for fab, which looks for a file of this name."""

from backupjump.tasks import ns

__all__ = ["ns"]
