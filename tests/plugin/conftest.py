"""Inner runs of pytest don't load plugins that happen to be installed."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def no_other_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
