"""pytest_plugins in a test module: its fixtures exist from then on."""

pytest_plugins = ["late_plugin"]


def test_late(from_late_plugin):
    assert from_late_plugin == "late"
