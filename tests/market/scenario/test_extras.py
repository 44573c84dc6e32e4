"""Packages that only a part of the program needs: what is declared is what is asked for."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib

import pytest
from paths import PROJECT

from firesale.market.scenario import extras
from firesale.market.scenario.errors import InputError

DECLARED = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))["project"]
NO_MODULE = {"mesa", "bokeh"}  # in the core too; a dashboard that sweeps do without


def modules(requirements: list[str]) -> set[str]:
    names = {re.split(r"[\[<>=]", line)[0].strip().replace("-", "_") for line in requirements}
    return names - NO_MODULE


@pytest.mark.parametrize("extra", extras.EXTRAS)
def test_what_is_declared_is_what_is_asked_for(extra: str) -> None:
    assert modules(DECLARED["optional-dependencies"][extra]) == set(extras.EXTRAS[extra])


def test_all_means_all() -> None:
    (line,) = DECLARED["optional-dependencies"]["all"]
    assert set(re.findall(r"\w+", line)) - {"firesale"} == set(extras.EXTRAS)


def test_a_missing_package_is_named_with_what_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(extras.EXTRAS, "view", ("solara", "no_such_module"))
    with pytest.raises(InputError, match=r"firesale view: .*\(no_such_module\).*firesale\[view\]"):
        extras.insist_on("view", "firesale view")


def test_the_core_imports_nothing_of_the_extras() -> None:
    code = (
        "import sys; import firesale.experiments.run.run, firesale.experiments.figures.all, "
        "firesale.market.model, firesale.experiments.cli; "
        f"print(sorted(set(sys.modules) & {{*{sum(extras.EXTRAS.values(), ())}}}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
