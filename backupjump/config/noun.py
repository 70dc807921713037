"""What all nouns of the Server's config share."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Noun(BaseModel):
    """What all parts of the config share: frozen, unknown keys refused. The text below a key is its meaning."""

    model_config = ConfigDict(frozen=True, extra="forbid")
