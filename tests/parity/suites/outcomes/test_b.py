import pytest


class TestB:
    @pytest.mark.group(name="first")
    def test_pass(self):
        pass

    @pytest.mark.group("second")
    def test_fail(self):
        raise ValueError("plain")

    class TestInner:
        def test_inner_fail(self):
            assert {"a": 1} == {"a": 2}


@pytest.mark.fast
@pytest.mark.slow
def test_both():
    pass


def test_odd_name_but_passes():
    pass
