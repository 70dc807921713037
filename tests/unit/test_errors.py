import re

import pytest

from backupjump import errors
from backupjump.errors import BackupjumpError, Stopped
from backupjump.run import Status, exit_code_of


def every_error() -> list[type[BackupjumpError]]:
    return [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, BackupjumpError)]


@pytest.mark.parametrize("error", every_error())
def test_the_status_of_an_error_is_one_that_a_run_can_have(error: type[BackupjumpError]) -> None:
    assert Status(error.status)


@pytest.mark.parametrize("error", [each for each in every_error() if each is not Stopped and each.exit_code != 2])
def test_an_error_ends_with_the_exit_code_of_its_status(error: type[BackupjumpError]) -> None:
    assert error.exit_code == exit_code_of(Status(error.status))


@pytest.mark.parametrize("error", every_error())
def test_every_error_stands_in_the_drawn_tree(error: type[BackupjumpError]) -> None:
    assert errors.__doc__ is not None
    assert re.search(rf"\b{error.__name__} +\d", errors.__doc__)


def test_no_two_errors_share_a_code_word_except_for_the_root() -> None:
    words = [each.code for each in every_error()]

    assert len(words) == len(set(words))
