"""The root of the checkout is the package ``firesale``; its rooms are found, not listed again."""

from setuptools import find_packages, setup

ROOMS = find_packages(
    include=[f"{top}{rest}" for top in ("agents", "market", "experiments") for rest in ("", ".*")]
)

setup(
    package_dir={"firesale": "."},
    packages=["firesale", *(f"firesale.{room}" for room in ROOMS)],
)
