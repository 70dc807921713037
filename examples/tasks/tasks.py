"""Tasks of your own beside the imported ones: `inv -r examples/tasks weekend`.

Copy this file over jobs/tasks.py, or next to your own backupjump.yaml.
"""

from invoke.context import Context
from invoke.tasks import task

from backupjump.tasks import ns, pull


@task
def weekend(context: Context) -> None:
    """Pull what is too much for a weekday: the photos, then the images. One that fails ends it."""
    for job in ("photos", "images"):
        pull(context, job, wait="1h")


ns.add_task(weekend)
