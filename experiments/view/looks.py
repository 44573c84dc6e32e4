"""How the page looks: a grid of white cards that fits laptops and wide screens."""

CSS = """
.solara-autorouter-content .v-sheet.d-flex { row-gap: 2px !important; }
.fs-today { display: flex; gap: 1rem; align-items: baseline; padding: 0.3rem 0.6rem 0; }
.fs-today strong { font-size: 1.9rem; font-variant-numeric: tabular-nums; white-space: nowrap; }
.fs-today span { color: #5a5a5a; font-size: 1rem; }
.fs-grid { display: grid; grid-template-columns: repeat(12, minmax(0, 1fr)); gap: 10px;
  padding: 6px; }
.fs-card { background: #fff; color: #1a1a1a; border: 1px solid #dcdcdc; border-radius: 6px;
  padding: 8px 12px; grid-column: span 6; min-width: 0; }
.fs-wide, .fs-network, .fs-news { grid-column: span 12; }
.fs-card h2 { font-size: 0.8rem; font-weight: 600; color: #5a5a5a; margin: 0;
  text-transform: uppercase; letter-spacing: 0.04em; }
.fs-finding { font-weight: 600; font-size: 1rem; line-height: 1.3; min-height: 2.6em;
  margin: 2px 0 4px !important; }
.fs-wide .fs-finding, .fs-network .fs-finding { min-height: 1.3em; }
.fs-note { color: #5a5a5a; font-size: 0.8rem; line-height: 1.35; margin: 2px 0 !important; }
.fs-waiting { background: #fff3d6; border-left: 4px solid #e69f00; color: #1a1a1a;
  font-size: 0.85rem; padding: 4px 8px; margin: 2px 0 6px !important; }
.fs-picture { position: relative; } .fs-picture img { width: 100%; height: auto; display: block; }
.fs-picture { min-width: 0; }
.fs-dot { position: absolute; width: 22px; height: 18px; transform: translate(-50%, -50%);
  border-radius: 50%; cursor: pointer; }
.fs-dot:hover { outline: 2px solid #0072b2; }
.fs-story p { font-size: 1.15rem; font-weight: 600; margin: 0 0 6px; }
.fs-story dl { display: grid; grid-template-columns: repeat(8, minmax(0, 1fr)); gap: 6px;
  margin: 0; }
.fs-story dt { font-size: 0.72rem; color: #5a5a5a; line-height: 1.2; }
.fs-story dd { margin: 0; font-size: 1.15rem; font-weight: 600;
  font-variant-numeric: tabular-nums; white-space: nowrap; }
.fs-news ul { list-style: none; padding: 0; margin: 4px 0 0; font-size: 0.88rem; line-height: 1.4;
  height: 9.2em; overflow-y: auto; }
.fs-news li { padding: 1px 0 1px 8px; border-left: 4px solid #d9d9d9; margin-bottom: 2px; }
.fs-news li b { font-weight: 600; color: #5a5a5a; font-variant-numeric: tabular-nums; }
.fs-news li.fs-now { background: #f3f8fc; } .fs-news li.fs-grave { border-color: #d55e00; }
.fs-choose { display: grid; grid-template-columns: 1fr 1fr; gap: 24px; }
.fs-party table { border-collapse: collapse; font-size: 0.8rem; margin: 6px 0; width: 100%; }
.fs-party th { text-align: left; color: #5a5a5a; border-bottom: 1px solid #999; }
.fs-party table:first-of-type { width: auto; min-width: 26rem; }
.fs-party th, .fs-party td { padding: 2px 10px 2px 0; vertical-align: top; }
.fs-party td { border-bottom: 1px solid #eee; }
.fs-slider .v-input__slot { flex-direction: column; align-items: stretch !important; }
.fs-slider .v-label { font-size: 0.8rem; line-height: 1.2; height: auto; margin: 0 0 0 2px;
  color: #333 !important; }
.v-navigation-drawer .v-label { font-size: 0.82rem; }
.v-navigation-drawer .v-input--switch { margin-top: 0; padding-top: 0; }
@media (min-width: 1700px) {
  .fs-network { grid-column: span 8; } .fs-news { grid-column: span 4; }
  .fs-news ul { height: auto; max-height: 640px; font-size: 0.95rem; }
  .fs-card { grid-column: span 4; } .fs-wide { grid-column: span 6; }
  .fs-story, .fs-choose, .fs-party { grid-column: span 12; } .fs-long { grid-column: span 8; }
  .fs-network { grid-column: span 8; }
}
"""
