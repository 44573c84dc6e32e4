"""The root of the checkout is the package ``firesale``; its rooms are found, not listed again."""

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOMS = find_packages(
    include=[f"{top}{rest}" for top in ("agents", "market", "experiments") for rest in ("", ".*")]
)


class WithoutThisFile(build_py):
    """Everything beside ``__init__.py`` counts as a module of ``firesale``; this file is none."""

    def find_package_modules(self, package: str, package_dir: str) -> list[tuple[str, str, str]]:
        """Give (package, module, file), without ``firesale.setup``."""
        found = super().find_package_modules(package, package_dir)
        return [one for one in found if one[:2] != ("firesale", "setup")]


setup(
    package_dir={"firesale": "."},
    packages=["firesale", *(f"firesale.{room}" for room in ROOMS)],
    cmdclass={"build_py": WithoutThisFile},
)
