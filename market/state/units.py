"""Units of hashrate."""

from __future__ import annotations

TH_PER_PH = 1000.0
TH_PER_EH = 1e6
