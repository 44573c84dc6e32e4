"""Pages that can be mailed alone: pictures inside the file, tables that sort, nothing fetched."""

from __future__ import annotations

import base64
import re
from html import escape

SCRIPT = """
window.addEventListener("beforeprint", function () {
  document.querySelectorAll("details").forEach(function (part) { part.open = true; });
});
document.querySelectorAll("table.sorts").forEach(function (table) {
  table.querySelectorAll("thead th").forEach(function (head, column) {
    head.tabIndex = 0;
    head.title = "Sort by this column";
    function sort() {
      var up = head.getAttribute("aria-sort") !== "ascending";
      table.querySelectorAll("thead th").forEach(function (other) {
        other.removeAttribute("aria-sort");
      });
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      var body = table.tBodies[0], rows = Array.from(body.rows);
      function key(row) {
        var cell = row.cells[column], raw = cell.dataset.value, text = cell.textContent;
        if (raw !== undefined) { return raw === "" ? NaN : Number(raw); }
        if (/^[0-9]{1,2} [A-Z][a-z]{2} [0-9]{4}$/.test(text)) { return Date.parse(text); }
        var found = /^[^0-9−-]*([−-]?)\\$?([0-9][0-9,.]*) ?(k|m|bn)?/.exec(text);
        if (!cell.classList.contains("right") || !found) {
          return cell.classList.contains("right") ? NaN : text;
        }
        var times = { k: 1e3, m: 1e6, bn: 1e9 }[found[3]] || 1;
        return (found[1] ? -1 : 1) * Number(found[2].replace(/,/g, "")) * times;
      }
      rows.sort(function (a, b) {
        var x = key(a), y = key(b);
        if (typeof x === "string" || typeof y === "string") {
          return (up ? 1 : -1) * String(x).localeCompare(String(y));
        }
        if (isNaN(x) || isNaN(y)) { return isNaN(x) - isNaN(y); }
        return up ? x - y : y - x;
      });
      rows.forEach(function (row) { body.appendChild(row); });
    }
    head.addEventListener("click", sort);
    head.addEventListener("keydown", function (event) {
      if (event.key === "Enter" || event.key === " ") { event.preventDefault(); sort(); }
    });
  });
});
"""
STYLE = """
.scroll { overflow-x: auto; max-width: 100%;
  background: /* a shadow where more can be scrolled to */
  linear-gradient(to right, #fff 40%, #fff0) left / 2.4rem 100% no-repeat local,
  linear-gradient(to left, #fff 40%, #fff0) right / 2.4rem 100% no-repeat local,
  linear-gradient(to right, #0003, #0000) left / 0.7rem 100% no-repeat scroll,
  linear-gradient(to left, #0003, #0000) right / 0.7rem 100% no-repeat scroll; }
table.sorts thead th { cursor: pointer; }
th[aria-sort=ascending]::after { content: " ▲"; } th[aria-sort=descending]::after { content: " ▼"; }
nav.contents { font: 0.85rem/1.9 system-ui, sans-serif; margin: 1rem 0 1.6rem; }
nav.contents a { color: #0072b2; text-decoration: none; margin-right: 1.1rem;
  white-space: nowrap; }
@media print { nav.contents { display: none; } }
"""


def picture(data: bytes, text: str) -> str:
    """An image inside the page; ``text`` is read where it is not seen."""
    kind = "png" if data[:4] == b"\x89PNG" else "svg+xml"
    coded = base64.b64encode(data).decode("ascii")
    return f'<img src="data:image/{kind};base64,{coded}" alt="{escape(text)}">'


def anchor(title: str) -> str:
    """The place of a heading in its page."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")


def contents(titles: list[str]) -> str:
    """Links to all headings."""
    links = "".join(f'<a href="#{anchor(title)}">{escape(title)}</a> ' for title in titles)
    return f'<nav class="contents" aria-label="Contents">{links}</nav>\n'
