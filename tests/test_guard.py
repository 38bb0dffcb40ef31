"""The guard itself: no test can reach the real home folder."""

from pathlib import Path

import pytest

from ccfb import paths


def test_the_real_home_is_out_of_reach(real_home: Path) -> None:
    with pytest.raises(AssertionError, match="real home"):
        (real_home / ".claude" / "settings.json").open()


def test_ccfb_looks_into_the_temporary_home(home: Path) -> None:
    assert paths.settings() == str(home / ".claude" / "settings.json")
