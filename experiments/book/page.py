"""``memo.html``: one file with everything in it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from ..look.single_file import SCRIPT, anchor, contents, picture
from ..look.single_file import STYLE as SINGLE
from .table import Table, shown

if TYPE_CHECKING:
    from .memo import Memo

STYLE = (
    """
:root { color-scheme: light; }
body { margin: 0 auto; max-width: 1120px; padding: 1.6rem 1.2rem 4rem; color: #1a1a1a;
  font: 16px/1.55 Georgia, "Times New Roman", serif; background: #fff; }
h1, h2, th, td, .meta, .numbers { font-family: system-ui, "Segoe UI", Helvetica, sans-serif; }
h1 { font-size: 1.5rem; line-height: 1.3; margin: 0.2rem 0 0.5rem; }
h2 { font-size: 1.12rem; margin: 2.4rem 0 0.4rem; padding-top: 0.8rem;
  border-top: 1px solid #ddd; }
p { margin: 0.5rem 0; max-width: 48rem; } .meta, .reading { color: #6f6f6f; font-size: 0.88rem; }
.lead { font-size: 1.12rem; }
.caveat { background: #fbf3dd; border-left: 4px solid #e69f00; padding: 0.6rem 0.9rem;
  font-size: 0.92rem; max-width: none; }
table { border-collapse: collapse; font-size: 0.78rem; margin: 0.7rem 0; width: 100%; }
th { text-align: left; font-weight: 600; color: #555; border-bottom: 1px solid #999; }
th, td { padding: 0.22rem 0.7rem 0.22rem 0; vertical-align: top; }
td { border-bottom: 1px solid #eee; min-width: 2.6rem; }
td.wide { min-width: 13rem; }
.right { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
th.right { white-space: normal; }
.numbers { display: grid; grid-template-columns: repeat(auto-fit, minmax(17rem, 1fr));
  gap: 0 2rem; margin: 1.2rem 0; font-size: 0.87rem; }
.numbers div { border-bottom: 1px solid #eee; padding: 0.25rem 0; display: flex;
  justify-content: space-between; gap: 1rem; }
.numbers dt { color: #6f6f6f; } .numbers dd { margin: 0; text-align: right; }
figure { margin: 1.2rem 0; max-width: 900px; } figure img { width: 100%; height: auto; }
.filled { background: #fff7e0; }
@media (max-width: 640px) { body { padding: 1rem 0.8rem 3rem; } h1 { font-size: 1.25rem; }
  figure { overflow-x: auto; } figure img { min-width: 620px; }
  table { border-collapse: separate; border-spacing: 0; }
  th:first-child, td:first-child { position: sticky; left: 0; background: #fff; } }
@media print { body { max-width: none; padding: 0; font-size: 11px; }
  h2, figure, tr { break-inside: avoid; } h2 { break-after: avoid; }
  .scroll { overflow: visible; } table { font-size: 7.5px; }
  thead { display: table-header-group; } }
"""
    + SINGLE
)
MOST_ROWS = 40
WIDE = 40


def page(memo: Memo) -> str:
    """The memo as HTML."""
    numbers = "".join(
        f"<div><dt>{_text(name)}</dt><dd>{_text(value)}</dd></div>" for name, value in memo.numbers
    )
    body = "".join(_section(table, memo.pictures) for table in memo.tables)
    titles = [table.title for table in memo.tables]
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(memo.title)}</title>
<style>{STYLE}</style>
</head>
<body>
<p class="meta">{_text(memo.meta)}</p>
<h1>{_text(memo.title)}</h1>
<p class="caveat">{_text(memo.caveat)}</p>
<p class="lead">{_text(memo.lead)}</p>
<dl class="numbers">{numbers}</dl>
{contents(titles)}
{body}
<script>{SCRIPT}</script>
</body>
</html>
"""


def _section(table: Table, pictures: Mapping[str, tuple[bytes, str]]) -> str:
    head = f'<h2 id="{anchor(table.title)}">{_text(table.title)}</h2>'
    parts = [f"{head}\n<p>{_text(table.text)}</p>"]
    if table.figure in pictures:
        data, text = pictures[table.figure]
        parts.append(f"<figure>{picture(data, text)}</figure>")
    if table.rows and len(table.rows) <= MOST_ROWS:
        parts.append(_table(table, table.rows))
    elif table.rows:
        parts.append(
            f"<details><summary>All {len(table.rows):,} rows</summary>"
            f"{_table(table, table.rows)}</details>"
        )
    parts += [f'<p class="reading">{_text(note)}</p>' for note in table.notes]
    return "\n".join(parts) + "\n"


def _table(table: Table, rows: Sequence[tuple[Any, ...]]) -> str:
    wide = [
        not column.right and max(len(str(row[n])) for row in rows) > WIDE
        for n, column in enumerate(table.columns)
    ]
    head = "".join(
        f"<th{' class=right' if column.right else ''}"
        f"{f' title={chr(34)}{escape(column.meaning)}{chr(34)}' if column.meaning else ''}>"
        f"{_text(column.heading)}</th>"
        for column in table.columns
    )
    lines = []
    for row in rows:
        cells = []
        for n, (value, column) in enumerate(zip(row, table.columns, strict=True)):
            kind = ' class="right"' if column.right else ' class="wide"' if wide[n] else ""
            raw = f' data-value="{_number(value)}"' if column.right else ""
            cells.append(f"<td{kind}{raw}>{_text(shown(value, column.kind))}</td>")
        lines.append(f"<tr>{''.join(cells)}</tr>")
    body = "\n".join(lines)
    return (
        f'<div class="scroll"><table class="sorts"><thead><tr>{head}</tr></thead>\n'
        f"<tbody>{body}</tbody></table></div>"
    )


def _number(value: Any) -> str:
    """A number to sort by; empty where there is none."""
    if hasattr(value, "toordinal"):
        return str(value.toordinal())
    if isinstance(value, int | float) and not math.isnan(value):
        return f"{min(float(value), 1e30):.10g}"
    return ""


def _text(text: str) -> str:
    """Text as HTML; a number and its per-cent sign stay on one line."""
    return escape(text).replace(" %", "&nbsp;%").replace(" ×", "&nbsp;×")
