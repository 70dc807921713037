"""`python -m backupjump` is the command `backupjump`."""

from backupjump.cli.main import main

if __name__ == "__main__":
    main()
