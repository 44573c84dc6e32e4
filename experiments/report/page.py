"""The report of a run: one HTML page with its figures inside, which asks nothing of elsewhere."""

from __future__ import annotations

from html import escape
from types import MappingProxyType
from typing import TYPE_CHECKING

from ...market.opening.confidence import debt_by_confidence
from ..look import words
from ..look.single_file import SCRIPT, anchor, contents, picture
from ..look.single_file import STYLE as SINGLE
from . import story
from .captions import captions
from .headline import headline, key_numbers
from .scenario_text import full_title

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..results.results import Results
    from .chapter import Chapter

HOW_SURE = "How sure is this"
MOST_ROWS = 12  # of a table; the rest is folded away
CONFIDENCE = {
    "seen": "seen in a public source",
    "computed": "computed from such figures",
    "memory": "from memory of public reports",
    "estimated": "estimated",
}
STYLE = """
:root { color-scheme: light; }
body { margin: 0 auto; max-width: 900px; padding: 2rem 1.2rem 4rem; color: #1a1a1a;
  font: 16px/1.55 Georgia, "Times New Roman", serif; background: #fff; }
h1, h2, th, .meta, .numbers, table { font-family: system-ui, "Segoe UI", Helvetica, sans-serif; }
h1 { font-size: 1.5rem; line-height: 1.3; margin: 0.3rem 0 0.6rem; }
h2 { font-size: 1.12rem; margin: 2.6rem 0 0.4rem; padding-top: 0.8rem; border-top: 1px solid #ddd; }
p { margin: 0.5rem 0; }
.meta, .reading { color: #6f6f6f; font-size: 0.88rem; }
.lead { font-size: 1.12rem; }
table { border-collapse: collapse; font-size: 0.82rem; margin: 0.8rem 0; width: 100%; }
th { text-align: left; font-weight: 600; color: #6f6f6f; border-bottom: 1px solid #999; }
th, td { padding: 0.22rem 0.8rem 0.22rem 0; vertical-align: top; }
td { border-bottom: 1px solid #eee; }
.right { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
th.right { white-space: normal; } .date { white-space: nowrap; }
.numbers { columns: 2; column-gap: 2.5rem; font-size: 0.85rem; margin: 1.2rem 0; padding: 0; }
.numbers div { break-inside: avoid; border-bottom: 1px solid #eee; padding: 0.25rem 0;
  display: flex; justify-content: space-between; gap: 1rem; }
.numbers dt { color: #6f6f6f; } .numbers dd { margin: 0; text-align: right; }
figure { margin: 1.4rem 0; } figure img { width: 100%; height: auto; display: block; }
summary { color: #0072b2; cursor: pointer; font: 0.85rem system-ui, sans-serif; }
@media (max-width: 640px) { .numbers { columns: 1; }
  figure { overflow-x: auto; } figure img, .scroll table { min-width: 620px; } }
@media print { body { max-width: none; } h2, figure, tr { break-inside: avoid; } }
"""


def report(
    results: Results, titles: Mapping[str, str], drawn: Mapping[str, bytes] = MappingProxyType({})
) -> str:
    """The page; ``titles`` are those of the figures, ``drawn`` their bytes: empty without any."""
    scenario = results.scenario
    title = full_title(scenario)
    meta = (
        f"{scenario.name} · {words.date(results.opening)} to "
        f"{words.date(results.date(results.last_day))} · seed {results.seed}"
    )
    numbers = "".join(
        f"<div><dt>{_text(name)}</dt><dd>{_text(value)}</dd></div>"
        for name, value in key_numbers(results)
    )
    about = f"<p>{_text(scenario.description)}</p>" if scenario.description else ""
    if results.changes:
        about += f"<p>Changed for this run: {_text(', '.join(results.changes))}.</p>"
    reading = captions(results)
    told = story.chapters(results)
    pictures = {name: picture(drawn[name], titles[name]) for name in titles if name in drawn}
    chapters = "".join(_chapter(chapter, pictures, reading) for chapter in told)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{STYLE}{SINGLE}</style>
</head>
<body>
<p class="meta">{_text(meta)}</p>
<h1>{_text(title)}</h1>
<p class="lead">{_text(headline(results))}</p>
{about}
<dl class="numbers">{numbers}</dl>
{contents([*(chapter.title for chapter in told), HOW_SURE])}
{chapters}
<h2 id="{anchor(HOW_SURE)}">{HOW_SURE}</h2>
{_confidence(results)}
<p><strong>{_text(results.summary["caveat"])}</strong></p>
<script>{SCRIPT}</script>
</body>
</html>
"""


def _chapter(chapter: Chapter, pictures: Mapping[str, str], reading: Mapping[str, str]) -> str:
    """A heading, its sentence, its figures and its table."""
    head = f'<h2 id="{anchor(chapter.title)}">{_text(chapter.title)}</h2>'
    parts = [f"{head}\n<p>{_text(chapter.text)}</p>\n"]
    parts += [
        f"<figure>{pictures[name]}"
        f'<figcaption class="reading">{_text(reading[name])}</figcaption></figure>\n'
        for name in chapter.figures
        if name in pictures
    ]
    if len(chapter.table) <= MOST_ROWS:
        parts.append(_table(chapter, chapter.table))
    else:
        parts.append(f'<p class="reading">{_text(chapter.largest(MOST_ROWS))}:</p>\n')
        parts.append(_table(chapter, chapter.heaviest(MOST_ROWS)))
        everything = _table(chapter, chapter.table)
        parts.append(
            f"<details><summary>All {len(chapter.table):,}, by {chapter.order}</summary>\n"
            f"{everything}</details>\n"
        )
    return "".join(parts)


def _table(chapter: Chapter, lines: Sequence[tuple[str, ...]]) -> str:
    """Some rows of a chapter's table."""
    if not lines:
        return ""
    kinds = [
        ' class="right"' if column.right else ' class="date"' if column.name == "Date" else ""
        for column in chapter.columns
    ]
    head = "".join(
        f"<th{kind}>{_text(column.name)}</th>"
        for kind, column in zip(kinds, chapter.columns, strict=True)
    )
    body = "\n".join(
        "<tr>"
        + "".join(f"<td{kind}>{_text(cell)}</td>" for kind, cell in zip(kinds, row, strict=True))
        + "</tr>"
        for row in lines
    )
    return (
        f'<div class="scroll"><table class="sorts"><thead><tr>{head}</tr></thead>\n'
        f"<tbody>{body}</tbody></table></div>\n"
    )


def _text(text: str) -> str:
    """Text as HTML; a number and its per-cent sign stay on one line."""
    return escape(text).replace(" %", "&nbsp;%")


def _confidence(results: Results) -> str:
    """What the opening figures rest on, by debt, and what one seed can and cannot say."""
    debt = results.own_debt or debt_by_confidence(results.scenario.opening.start)
    total = sum(debt.values())
    shares = [
        f"{words.percent(debt[level] / total)} {text}"
        for level, text in CONFIDENCE.items()
        if debt.get(level, 0.0) > 0
    ]
    drawn = (
        "Uncertain cells of them were drawn for this run, within what is believed of them."
        if results.scenario.opening.sample
        else "This run uses the central figures; --set opening.beliefs=true draws uncertain cells, "
        "and settings that are judgements, within what is believed of them."
    )
    unseen = (
        "The price of a fleet of GPUs sold in haste has never been observed: it is a result of the "
        "model."
        if results.has_gpus
        else "What rigs fetched in 2022 has been observed: firesale backtest 2022 compares."
    )
    if results.scenario.opening.start == "synthetic":
        drawn = "They are those of 2025, divided among many parties: sums stay, names do not."
    return (
        f"<p>The opening books are compiled from public sources. Of the debt in them, "
        f"{_text(words.listed(shares))}. {drawn}</p>\n"
        f"<p>This is a single path, seed {results.seed}. Another seed moves prices, demand, "
        "accidents and buyers' views, and with them the dates and some of the names; the run says "
        f"what can happen and why, not how likely it is. {unseen}</p>\n"
    )
