import pytest

collect_ignore = ["checks/check_ignored.py"]
collect_ignore_glob = ["checks/*_globbed_spec.py"]


@pytest.fixture
def from_ini():
    return 1
