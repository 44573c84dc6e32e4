"""Forty days in which nearly every kernel is called, for a run of ``joint-crash``."""

HARSH = (
    *("days=40", "crypto.crash_start_day=1", "crypto.crash_days=20", "credit.hazard_per_year=0.5"),
    *("credit.bankruptcy_days=3", "credit.payables_days=2", "liquidation.legal_days=1"),
    *("liquidation.site_days=5", "lenders.run_threshold=0", "lenders.run_speed=50"),
)
