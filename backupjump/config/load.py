"""From files to a Server: every mistake of every file in one go."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from backupjump.config.checks import read_name
from backupjump.config.cross_checks import job_problems, mappings, server_problems
from backupjump.config.mistakes import model_problems
from backupjump.config.models import Desktop, Job, Server
from backupjump.config.problem import Problem, raise_all
from backupjump.config.yaml_file import Document, read_document
from backupjump.errors import ConfigError, UsageError
from backupjump.escape import shown

# invoke and fabric read a file of this name beside tasks.py and fabfile.py as their own settings.
_TAKEN_STEMS = ("invoke", "fabric")

N = TypeVar("N", bound=BaseModel)


@dataclass(frozen=True, kw_only=True)
class ServerFiles:
    """The documents that a Server is read from."""

    server: Document
    """backupjump.yaml."""
    jobs: tuple[Document, ...]
    """jobs/*.yaml by name."""


def load_server(path: Path, *, check_keys: bool = False) -> Server:
    """Return the Server that the file at `path` and the jobs/*.yaml beside it tell of.

    ConfigError tells all mistakes of all files at once. With `check_keys` the key files must be there, for
    their owner alone.
    """
    return build_server(read_files(path), check_keys=check_keys)


def read_files(path: Path) -> ServerFiles:
    """Return the documents of a Server, mistakes and all."""
    return ServerFiles(server=read_document(path), jobs=tuple(read_document(file) for file in _job_files(path.parent)))


def build_server(files: ServerFiles, *, check_keys: bool = False) -> Server:
    """Return the Server that `files` tell of; ConfigError tells all of their mistakes at once."""
    problems = list(files.server.problems)
    server = read_server(files.server, problems, check_keys=check_keys)
    jobs = [read_job(document, problems) for document in files.jobs]
    if files.server.whole:
        problems += (problem for document in files.jobs for problem in job_problems(files.server, document))
    raise_all(problems)
    assert server is not None  # else there was a problem
    return server.model_copy(update={"jobs": {job.name: job for job in jobs if job is not None}})


def read_server(document: Document, problems: list[Problem], *, check_keys: bool = False) -> Server | None:
    """Return the Server of a file, without jobs; None when a mistake was appended to `problems`."""
    if not document.whole:
        return None
    named = dict(document.value)
    for kind in ("jump_nodes", "desktops"):
        for name, below in mappings(document.value, kind).items():
            named[kind] = {**named[kind], name: {**below, "name": name}}
            if "name" in below:
                problems.append(
                    document.problem((kind, name, "name"), f"unknown key; {name!r} is the name", at_key=True)
                )
    if named.pop("jobs", None) is not None:
        message = "unknown key; each job has a file of its own, jobs/NAME.yaml beside this one"
        problems.append(document.problem(("jobs",), message, at_key=True))
    problems += server_problems(document, check_keys=check_keys)
    return _validated(document, Server, named, problems)


def read_job(document: Document, problems: list[Problem]) -> Job | None:
    """Return the Job of a file, its stem for a name; None when a mistake was appended to `problems`."""
    problems += document.problems
    stem = document.path.stem
    if mistake := _stem_mistake(document.path):
        problems.append(Problem(document.path, mistake))
    if not document.whole:
        return None
    if "name" in document.value:
        problems.append(document.problem(("name",), "unknown key; the file's stem is the name", at_key=True))
    return _validated(document, Job, {**document.value, "name": stem}, problems)


def job_named(server: Server, name: str) -> Job:
    """Return the job called `name`; UsageError with a guess when there is none."""
    if name not in server.jobs:
        raise unknown_name("job", name, server.jobs)
    return server.jobs[name]


def desktop_named(server: Server, name: str) -> Desktop:
    """Return the desktop called `name`; UsageError with a guess when there is none."""
    if name not in server.desktops:
        raise unknown_name("desktop", name, server.desktops)
    return server.desktops[name]


def unknown_name(kind: str, name: str, known: Iterable[str]) -> UsageError:
    """Return the error for a `name` that no `kind` (job, desktop) has, with a guess at the one that was meant."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1)
    guess = f"; did you mean {near[0]!r}?" if near else ""
    dash = f" (no {kind}'s name starts with a dash: was it meant as an option?)" if name.startswith("-") else ""
    hint = f"there are: {', '.join(names)}" if names else f"the config has no {kind}: backupjump config check"
    return UsageError(f"there is no {kind} {shown(name)!r}{dash}{guess}", hint=hint)


def _job_files(folder: Path) -> list[Path]:
    """Return jobs/* of `folder` that are meant as jobs, those with a wrong ending too."""
    try:
        found = sorted((folder / "jobs").iterdir())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ConfigError(f"{shown(str(folder / 'jobs'))} can't be read: {error.strerror}") from error
    # An editor's lock or copy starts with a dot, or ends otherwise.
    return [file for file in found if file.suffix in (".yaml", ".yml") and not file.name.startswith(".")]


def _stem_mistake(path: Path) -> str | None:
    if path.suffix != ".yaml":
        return "the name of a job's file must end in .yaml"
    if path.stem in _TAKEN_STEMS:
        return "invoke and fabric read a file of this name as their own settings; name the job otherwise"
    try:
        read_name(path.stem)
    except ValueError as error:
        return f"the file's stem is the job's name, and {shown(path.stem)!r} {error}"
    return None


def _validated(document: Document, noun: type[N], value: Mapping[str, Any], problems: list[Problem]) -> N | None:
    try:
        return noun.model_validate(value)
    except ValidationError as error:
        problems += model_problems(document, noun, error)
        return None
