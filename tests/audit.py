"""Known weaknesses of what uv.lock names, as the database of OSV has them today.

uv run python tests/audit.py    (exit code 1 if there are any; 0 where OSV cannot be reached)
"""

from __future__ import annotations

import subprocess
import sys

from paths import PROJECT

AUDIT = ("uv", "audit", "--frozen", "--preview-features", "audit-command")
UNREACHED = ("Request failed", "dns error", "error sending request")


def main() -> None:
    """Ask, and say in a line what was found."""
    done = subprocess.run(AUDIT, cwd=PROJECT, capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    print(said)
    if done.returncode and any(words in said for words in UNREACHED):
        print("audit: not made, the database cannot be reached from here")
        return
    print(f"audit: {'something is known' if done.returncode else 'nothing is known'}")
    sys.exit(done.returncode)


if __name__ == "__main__":
    main()
