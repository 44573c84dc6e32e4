"""What a day costs: measured against the memory of this machine and against plain Mesa agents."""
