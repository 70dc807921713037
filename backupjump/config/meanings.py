"""What each key of the config means: the text below it in the source, read when somebody asks.

pydantic can keep these texts in its models, and then reads the source anew at each start of the program.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import BaseModel


@cache
def meanings(noun: type[BaseModel]) -> Mapping[str, str]:
    """Return the text of each field of `noun` that has one, by the field's name."""
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(noun))).body
    assert isinstance(definition, ast.ClassDef)
    return {
        field.target.id: inspect.cleandoc(text.value.value)
        for field, text in pairwise(definition.body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
        and isinstance(text.value.value, str)
    }


def describe(noun: type[BaseModel]) -> None:
    """Have pydantic know the texts of `noun` too, for its schema."""
    for name, meaning in meanings(noun).items():
        noun.model_fields[name].description = meaning
    noun.model_rebuild(force=True)
