"""The picture of the two directions: its integrals against an independent calculation."""

from types import ModuleType

import numpy as np
import pytest

from tests.docs.pages import ROOT, Reader, blocks
from tests.tools import load_script


@pytest.fixture(scope="module")
def two_peaks() -> ModuleType:
    return load_script(ROOT / "docs" / "figures" / "two_peaks.py")


def test_quadrature_finds_what_the_page_finds_on_a_grid(two_peaks: ModuleType, tmp_path) -> None:
    page = ROOT / "docs" / "relative-entropy.md"
    reader = Reader(page, tmp_path)
    for block in blocks(page):
        reader.read(block)
    for name, divergence in (("covers", two_peaks.forward), ("picks", two_peaks.reverse)):
        found = reader.names[name]
        mean, width = found.x[0], np.exp(found.x[1])
        assert divergence(mean, width) == pytest.approx(found.fun, rel=1e-8)
        best = two_peaks.fit(divergence)
        assert (best.mean, best.width) == pytest.approx((mean, width), abs=2e-5)


def test_the_forward_fit_has_the_mean_and_variance_of_the_peaks(two_peaks: ModuleType) -> None:
    shares, means = np.array(two_peaks.SHARES), np.array(two_peaks.MEANS)
    mean = shares @ means
    variance = shares @ (np.array(two_peaks.WIDTHS) ** 2 + (means - mean) ** 2)
    best = two_peaks.fit(two_peaks.forward)
    assert (best.mean, best.width**2) == pytest.approx((mean, variance), abs=1e-5)
