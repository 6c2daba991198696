import pytest


class TestSkipsInBody:
    pytest.skip("in a class body", allow_module_level=True)

    def test_never(self):
        pass
