"""What is wrong with a plan as one sentence: what, where, and what is allowed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from ...market.scenario.errors import shown
from ...market.scenario.nearest import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import ValidationError


def keys(model: Any) -> str:
    """The keys that a section knows."""
    return ", ".join(name for name in model.model_fields if name != "base")


def _section_at(model: Any, path: Sequence[str | int]) -> Any:
    """The section where a path of keys leads, through optional ones and tables of several."""
    for part in path:
        found = model.model_fields.get(part)
        if found is not None:  # else the name of a factor
            kinds = (found.annotation, *get_args(found.annotation))
            model = next((kind for kind in kinds if hasattr(kind, "model_fields")), model)
    return model


def sentence(model: Any, error: ValidationError, where: str) -> str:
    """The first problem of a validation as one sentence: what, where, what is allowed."""
    problem = error.errors()[0]
    key = ".".join(str(part) for part in problem["loc"])
    message = problem["msg"].removeprefix("Value error, ")
    message = message[0].lower() + message[1:]
    if problem["type"] == "extra_forbidden":
        allowed = keys(_section_at(model, problem["loc"][:-1]))
        meant = did_you_mean(key.rpartition(".")[2], allowed.split(", "))
        return f"{where}: there is no key '{key}'{meant}; allowed here: {allowed}."
    if problem["type"] == "missing":
        return f"{where}: the key '{key}' is missing."
    if problem["type"] == "value_error":
        return f"{where}: {key}: {message}."
    return f"{where}: {key} = {shown(problem['input'])} is not allowed; {message}."
