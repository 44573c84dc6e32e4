"""Committed lines: when a lender may stop what it has promised to lend."""

from __future__ import annotations

from .compiling.kernels import compiled


@compiled
def stops_drawing(in_default: bool, weakened: bool, supply: float) -> bool:
    """Whether a lender lets nothing be drawn on a line that it has committed.

    No draw while a default of the borrower or its group continues: that is a condition of every
    draw (LSTA model credit agreement; violations of covenants close lines, Sufi 2009, Review of
    Financial Studies 22). A borrower that is only ``weakened``, its coverage below the covenant but
    waived, is stopped by a lender that is itself short of what it lends with: in 2008 and 2009
    lenders in bad health used such rights, healthy ones waived them (Chodorow-Reich & Falato 2022,
    J. Finance 77). ``supply`` is the share of its usual credit the lender gives: with none it funds
    no draw; sound borrowers of others draw as agreed, as in 2008 (Ivashina & Scharfstein 2010, J.
    Financial Economics 97).
    """
    return in_default or supply <= 0.0 or (weakened and supply < 1.0)
