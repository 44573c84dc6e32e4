"""How the page looks: a grid of white cards that fits laptops and wide screens."""

CSS = """
.solara-autorouter-content .v-sheet.d-flex { row-gap: 2px !important; }
.fs-page { display: grid; grid-template-columns: 300px minmax(0, 1fr); gap: 6px; }
.fs-side .v-card { margin: 0 !important; } .fs-main { min-width: 0; }
.fs-side .v-expansion-panel-content__wrap, .fs-side .v-card__text { padding: 4px 10px 10px; }
.fs-bar { position: sticky; top: -12px; z-index: 5; display: flex; flex-wrap: wrap; gap: 4px 14px;
  align-items: center; padding: 4px 10px; background: #f7f7f7; border-bottom: 1px solid #dcdcdc; }
.fs-jump { display: flex; flex: 1 1 17rem; align-items: center; gap: 8px; }
.fs-out { display: flex; align-items: center; gap: 10px; margin-left: auto; }
.fs-bar .v-btn { min-width: 44px !important; padding: 0 10px !important; height: 32px !important; }
.fs-bar .v-input { font-size: 0.85rem; margin: 0; padding-top: 10px; }
.fs-bar .fs-pick { flex: 0 1 10rem; } .fs-bar .fs-number { flex: 0 0 6rem; }
.fs-bar .fs-days { flex: 1 1 9rem; min-width: 8rem; padding-top: 0; }
.fs-link { white-space: nowrap; font-size: 0.9rem; }
.fs-today { display: flex; gap: 0.7rem; align-items: baseline; }
.fs-today strong { font-size: 1.5rem; font-variant-numeric: tabular-nums; white-space: nowrap; }
.fs-today span { color: #5a5a5a; font-size: 0.9rem; white-space: nowrap; }
.fs-today .fs-waiting { color: #1a1a1a; }
.fs-grid { display: grid; grid-template-columns: repeat(12, minmax(0, 1fr)); gap: 10px;
  padding: 6px; }
.fs-card { background: #fff; color: #1a1a1a; border: 1px solid #dcdcdc; border-radius: 6px;
  padding: 8px 12px; grid-column: span 6; min-width: 0; }
.fs-wide, .fs-network, .fs-news, .fs-party { grid-column: span 12; }
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
.fs-story dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(5.4rem, 1fr));
  gap: 6px; margin: 0; }
.fs-story dt { font-size: 0.72rem; color: #5a5a5a; line-height: 1.2; }
.fs-story dd { margin: 0; font-size: 1.15rem; font-weight: 600;
  font-variant-numeric: tabular-nums; white-space: nowrap; }
.fs-news ul { list-style: none; padding: 0; margin: 4px 0 0; font-size: 0.88rem; line-height: 1.4;
  height: 9.2em; overflow-y: auto; }
.fs-news li { padding: 1px 0 1px 8px; border-left: 4px solid #d9d9d9; margin-bottom: 2px; }
.fs-news li b { font-weight: 600; color: #5a5a5a; font-variant-numeric: tabular-nums; }
.fs-news li.fs-now { background: #f3f8fc; } .fs-news li.fs-grave { border-color: #d55e00; }
.fs-choose { display: grid; grid-template-columns: 1fr 1fr; gap: 24px; }
.fs-choose .v-text-field__details { display: none; } .fs-party { overflow-x: auto; }
.fs-party table { border-collapse: collapse; font-size: 0.8rem; margin: 6px 0; width: 100%; }
.fs-party th { text-align: left; color: #5a5a5a; border-bottom: 1px solid #999; }
.fs-party table:first-of-type { width: auto; min-width: 26rem; }
.fs-party th, .fs-party td { padding: 2px 10px 2px 0; vertical-align: top; }
.fs-party td { border-bottom: 1px solid #eee; }
.fs-slider .v-input__slot { flex-direction: column; align-items: stretch !important; }
.fs-slider .v-label { font-size: 0.8rem; line-height: 1.2; height: auto; margin: 0 0 0 2px;
  color: #333 !important; }
.fs-side .v-label { font-size: 0.82rem; }
.fs-side .v-input--switch { margin-top: 0; padding-top: 0; }
.fs-pair { display: grid; grid-template-columns: 1fr 1fr; gap: 8px; }
.fs-pair > div > h2 { font-size: 1rem; padding: 6px 10px 0; }
.fs-pair .fs-card { grid-column: span 12; }
.theme--dark .fs-bar, .theme--dark .fs-card { background: #1e1e1e; color: #ececec;
  border-color: #444; }
.theme--dark .fs-note, .theme--dark .fs-card h2, .theme--dark .fs-story dt,
.theme--dark .fs-today span, .theme--dark .fs-news li b, .theme--dark .fs-party th {
  color: #b5b5b5; }
.theme--dark .fs-today .fs-waiting { color: #1a1a1a; }
.theme--dark .fs-picture img { filter: invert(0.88) hue-rotate(180deg); }
.theme--dark .fs-news li.fs-now { background: #26323b; }
.theme--dark .fs-party td { border-color: #444; }
.theme--dark .fs-slider .v-label { color: #ddd !important; }
@media (min-width: 1150px) {
  .fs-chosen .fs-network, .fs-chosen .fs-news { grid-column: span 7; align-self: start; }
  .fs-chosen .fs-party table:first-of-type { min-width: 0; }
  .fs-chosen .fs-party { grid-column: span 5; grid-row: span 2; max-height: 46rem;
    overflow: auto; }
  .fs-pair .fs-network, .fs-pair .fs-party, .fs-pair .fs-news { grid-column: span 12; }
}
@media (max-width: 1000px) {
  .fs-card { grid-column: span 12; }
  .fs-pair, .fs-page { grid-template-columns: minmax(0, 1fr); } .fs-side { order: 2; }
}
@media (min-width: 1700px) {
  .fs-network { grid-column: span 8; } .fs-news { grid-column: span 4; }
  .fs-news ul { height: auto; max-height: 640px; font-size: 0.95rem; }
  .fs-card { grid-column: span 4; } .fs-wide { grid-column: span 6; }
  .fs-story, .fs-choose { grid-column: span 12; } .fs-long { grid-column: span 8; }
  .fs-network, .fs-chosen .fs-network { grid-column: span 8; }
  .fs-chosen .fs-party { grid-column: span 4; } .fs-chosen .fs-news { grid-column: span 8; }
  .fs-pair .fs-card { grid-column: span 12; }
}
"""
