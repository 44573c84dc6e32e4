"""The browser view: a market one can watch, stop and change, drawn by the report's own figures.

``firesale view`` starts it. ``page`` is what Solara serves; it puts Mesa's ``SolaraViz`` (step,
play, reset) beside our panels. Each visitor has a market of their own, and a thread that draws it:
days are simulated as fast as asked for, and pictures follow as fast as they can be drawn.
"""
