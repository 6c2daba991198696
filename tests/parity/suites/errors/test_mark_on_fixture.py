import pytest


@pytest.fixture
@pytest.mark.usefixtures("tmp_path")
def marked():
    pass


def test_marked(marked):
    pass
