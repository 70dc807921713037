"""`inv -r jobs pull nightly`: the operations as invoke tasks. Put your own beside this line."""

from backupjump.tasks import ns

__all__ = ["ns"]
