"""From files to a Server: every mistake of every file in one go."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from backupjump.config.checks import read_name
from backupjump.config.cross_checks import job_problems, machine_problems
from backupjump.config.desktop import is_desktop_file
from backupjump.config.hands import foreign_hands
from backupjump.config.machines import KINDS, machines, mappings
from backupjump.config.mistakes import model_problems
from backupjump.config.models import Desktop, Job, JumpNode, Server
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
    machines: tuple[Document, ...]
    """jump_nodes/*.yaml and desktops/*.yaml by name."""
    jobs: tuple[Document, ...]
    """jobs/*.yaml by name."""


def load_server(path: Path, *, check_keys: bool = False) -> Server:
    """Return the Server that the file at `path` and the files of its folder (jump_nodes/, desktops/, jobs/) tell of.

    ConfigError tells all mistakes of all files at once. With `check_keys` the key files must be there, for
    their owner alone, and none of the files may be another account's to write.
    """
    return build_server(read_files(path), check_keys=check_keys)


def read_files(path: Path) -> ServerFiles:
    """Return the documents of a Server, mistakes and all."""
    found = {kind: tuple(read_document(file) for file in _files(path.parent / kind)) for kind in (*KINDS, "jobs")}
    own = tuple(document for kind in KINDS for document in found[kind])
    return ServerFiles(server=read_document(path), machines=own, jobs=found["jobs"])


def build_server(files: ServerFiles, *, check_keys: bool = False) -> Server:
    """Return the Server that `files` tell of; ConfigError tells all of their mistakes at once."""
    problems = list(files.server.problems)
    server = read_server(files.server, problems)
    own = [read_machine(document, problems) for document in files.machines]
    jobs = [read_job(document, problems) for document in files.jobs]
    if files.server.whole:
        found = machines(files.server, files.machines)
        problems += machine_problems(found, check_keys=check_keys)
        names = [machine.name for machine in found if machine.kind == "desktops"]
        problems += (problem for document in files.jobs for problem in job_problems(document, names))
    if check_keys:
        problems += foreign_hands(each.path for each in (files.server, *files.machines, *files.jobs))
    raise_all(problems)
    assert server is not None  # else there was a problem
    return _put_together(server, own, jobs)


def read_server(document: Document, problems: list[Problem]) -> Server | None:
    """Return the Server of its file alone; None when a mistake was appended to `problems`."""
    if not document.whole:
        return None
    if is_desktop_file(document):
        (key, *_) = sorted({"gate", "tunnel"} & document.value.keys())
        message = "is of a Desktop's config; what was typed is a word for a Server"
        problems.append(document.problem((key,), message, at_key=True))
        return None
    named = dict(document.value)
    for kind in KINDS:
        for name, below in mappings(document.value, kind).items():
            named[kind] = {**named[kind], name: {**below, "name": name}}
            if "name" in below:
                problems.append(
                    document.problem((kind, name, "name"), f"unknown key; {name!r} is the name", at_key=True)
                )
    if named.pop("jobs", None) is not None:
        message = "unknown key; each job has a file of its own, jobs/NAME.yaml beside this one"
        problems.append(document.problem(("jobs",), message, at_key=True))
    return _validated(document, Server, named, problems)


def read_machine(document: Document, problems: list[Problem]) -> JumpNode | Desktop | None:
    """Return the machine of a file of its own, the stem its name; None when a mistake was appended to `problems`."""
    noun: type[JumpNode | Desktop] = JumpNode if document.path.parent.name == "jump_nodes" else Desktop
    return _read_named(document, noun, _stem_mistake(document.path, noun.__name__), problems)


def read_job(document: Document, problems: list[Problem]) -> Job | None:
    """Return the Job of a file, its stem for a name; None when a mistake was appended to `problems`."""
    mistake = _stem_mistake(document.path, "job")
    if document.path.suffix == ".yaml" and document.path.stem in _TAKEN_STEMS:
        mistake = "invoke and fabric read a file of this name as their own settings; name the job otherwise"
    return _read_named(document, Job, mistake, problems)


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


def _put_together(server: Server, own: Sequence[JumpNode | Desktop | None], jobs: Sequence[Job | None]) -> Server:
    nodes = {machine.name: machine for machine in own if isinstance(machine, JumpNode)}
    desktops = {machine.name: machine for machine in own if isinstance(machine, Desktop)}
    return server.model_copy(
        update={
            "jump_nodes": {**server.jump_nodes, **nodes},
            "desktops": {**server.desktops, **desktops},
            "jobs": {job.name: job for job in jobs if job is not None},
        }
    )


def _files(folder: Path) -> list[Path]:
    """Return the files of `folder` that are meant as jobs or machines, those with a wrong ending too."""
    try:
        found = sorted(folder.iterdir())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ConfigError(f"{shown(str(folder))} can't be read: {error.strerror}") from error
    # An editor's lock or copy starts with a dot, or ends otherwise.
    return [file for file in found if file.suffix in (".yaml", ".yml") and not file.name.startswith(".")]


def _stem_mistake(path: Path, noun: str) -> str | None:
    if path.suffix != ".yaml":
        return f"the name of a {noun}'s file must end in .yaml"
    try:
        read_name(path.stem)
    except ValueError as error:
        return f"the file's stem is the {noun}'s name, and {shown(path.stem)!r} {error}"
    return None


def _read_named(document: Document, noun: type[N], mistake: str | None, problems: list[Problem]) -> N | None:
    """Return the noun of a file whose stem is its name; `mistake` is what is wrong with the stem."""
    problems += document.problems
    if mistake is not None:
        problems.append(Problem(document.path, mistake))
    if not document.whole:
        return None
    if "name" in document.value:
        problems.append(document.problem(("name",), "unknown key; the file's stem is the name", at_key=True))
    return _validated(document, noun, {**document.value, "name": document.path.stem}, problems)


def _validated(document: Document, noun: type[N], value: Mapping[str, Any], problems: list[Problem]) -> N | None:
    try:
        return noun.model_validate(value)
    except ValidationError as error:
        problems += model_problems(document, noun, error)
        return None
