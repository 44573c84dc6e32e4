"""Sheets: a CSV file read into checked rows; what is wrong is said in one sentence.

A sheet knows, for each row, the line it stands on and the text of its cells, so that every check
made later can name the file, the line, the row, the column and the value.
"""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import PydanticCustomError

from ..scenario.errors import InputError
from ..scenario.text_files import clean, read_text

BOUNDS = {
    "minimum": "greater than or equal to",
    "exclusiveMinimum": "greater than",
    "maximum": "less than or equal to",
    "exclusiveMaximum": "less than",
}
KINDS = {
    "null": "empty",
    "boolean": "yes or no",
    "integer": "a whole number",
    "number": "a number",
    "string": "a text",
    "array": "names joined by |",
}


class Line(BaseModel):
    """A row of any sheet."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
    row_key: ClassVar[tuple[str, ...]] = ("id",)
    """The columns that name a row; no two rows of a sheet have the same."""

    @property
    def row_name(self) -> str:
        """What those columns hold, joined by a stroke."""
        return "/".join(str(getattr(self, column)) for column in self.row_key)


class Row(Line):
    """A row of the books: how sure its figures are, and what they rest on."""

    confidence: Literal["seen", "computed", "memory", "estimated"]
    source: str

    def is_sure(self, column: str) -> bool:
        """Whether a column was seen though the row as a whole may not have been."""
        seen: str = getattr(self, "seen_cells", "")
        return column in seen.split("|")


def require(column: str, holds: bool, allowed: str) -> None:
    """Refuse a row, from its validator, when ``column`` does not agree with the other columns."""
    if not holds:
        raise PydanticCustomError("column", "{allowed}", {"column": column, "allowed": allowed})


@dataclass(frozen=True)
class Sheet[R: Line]:
    """The rows of one file, with the line and the text that each was read from."""

    file: str
    model: type[R]
    lines: tuple[int, ...]
    cells: tuple[dict[str, str | None], ...]
    rows: tuple[R, ...]

    def refuse(self, row: int, column: str, allowed: str) -> InputError:
        """The error that says that a cell must be ``allowed``."""
        return refuse(self.file, self.model, self.lines[row], self.cells[row], column, allowed)


def read_sheet[R: Line](folder: Path, name: str, model: type[R]) -> Sheet[R]:
    """Read ``name``.csv in ``folder``; cells are trimmed and an empty cell is ``None``.

    Raises:
        InputError: for whatever is wrong with the file, in one sentence.
    """
    file = f"{name}.csv"
    lines, cells = _read_cells(folder / file, model)
    rows: list[R] = []
    line_of: dict[tuple[str | None, ...], int] = {}
    for line, row in zip(lines, cells, strict=True):
        key = tuple(row[column] for column in model.row_key)
        if key in line_of:
            allowed = f"different on every line, and line {line_of[key]} has it already"
            raise refuse(file, model, line, row, model.row_key[-1], allowed)
        line_of[key] = line
        try:
            rows.append(model.model_validate(row))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            if first["type"] == "column":
                column, allowed = first["ctx"]["column"], first["ctx"]["allowed"]
            else:
                column = str(first["loc"][0])
                allowed = _allowed(model, column)
            raise refuse(file, model, line, row, column, allowed) from None
    return Sheet(file, model, tuple(lines), tuple(cells), tuple(rows))


def refuse(
    file: str,
    model: type[Line],
    line: int,
    row: dict[str, str | None],
    column: str,
    allowed: str,
) -> InputError:
    """The error that says that the cell of ``row`` in ``column`` must be ``allowed``."""
    key = "/".join(row[part] or "no name" for part in model.row_key)
    value = "an empty cell" if row[column] is None else f"'{row[column]}'"
    return InputError(
        f"{file}, line {line} ({key}), column {column}: {value} is not allowed; "
        f"it must be {allowed}."
    )


def _read_cells(path: Path, model: type[Line]) -> tuple[list[int], list[dict[str, str | None]]]:
    """The line numbers and the cells, by column, of all rows that are not blank."""
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    columns = {name: field.is_required() for name, field in fields.items()}
    lines: list[int] = []
    cells: list[dict[str, str | None]] = []
    try:
        if not path.exists():
            raise InputError(f"{path.name} is missing; it must be in the folder {path.parent}.")
        text = clean(read_text(path, path.name))
        reader = csv.reader(text.splitlines(keepends=True), strict=True)
        header = [cell.strip() for cell in next(reader, [])]
        _check_header(path.name, header, columns)
        for row in reader:
            if not any(row):
                continue
            if len(row) != len(header):
                raise InputError(
                    f"{path.name}, line {reader.line_num}: a row of {len(row)} cells is not "
                    f"allowed; it must have {len(header)}, as the header has."
                )
            lines.append(reader.line_num)
            cells.append({column: c.strip() or None for column, c in zip(header, row)})
    except csv.Error as error:
        raise InputError(
            f"{path.name} cannot be read ({error}); it must be a CSV file in UTF-8."
        ) from None
    return lines, cells


def _check_header(file: str, header: list[str], columns: dict[str, bool]) -> None:
    """Refuse a header with a column unknown, twice, or missing though ``columns`` need it."""
    for column, needed in columns.items():
        if needed and column not in header:
            raise InputError(f"{file}, line 1: column {column} is missing; it must be there.")
    for place, column in enumerate(header):
        if column not in columns:
            allowed = ", ".join(columns)
            raise InputError(
                f"{file}, line 1: column '{column}' is unknown; it must be one of {allowed}."
            )
        if column in header[:place]:
            raise InputError(
                f"{file}, line 1: column {column} is there twice; it must be there once."
            )


def _allowed(model: type[Line], column: str) -> str:
    """What a cell of ``column`` may be, in words, from the types and bounds of the model."""
    schema = model.model_json_schema()["properties"][column]
    return " or ".join(_describe(option) for option in schema.get("anyOf", [schema]))


def _describe(schema: dict[str, Any]) -> str:
    """One type with its bounds, in words."""
    if "enum" in schema:
        return "one of " + ", ".join(schema["enum"])
    if schema.get("format") == "date":
        return "a date such as 2025-09-30"
    bounds = [f"{words} {schema[key]:g}" for key, words in BOUNDS.items() if key in schema]
    return " ".join([KINDS[schema["type"]], " and ".join(bounds)]).strip()
