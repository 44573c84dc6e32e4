"""Units of hashrate, and how many blocks make a day."""

from __future__ import annotations

TH_PER_PH = 1000.0
TH_PER_EH = 1e6
BLOCKS_PER_DAY = 144.0
