import sys

import pytest


@pytest.mark.skip
def test_skip():
    raise AssertionError


@pytest.mark.skip(reason="a reason")
def test_skip_reason():
    raise AssertionError


@pytest.mark.skipif(sys.version_info > (3,), reason="every Python")
def test_skipif():
    raise AssertionError


@pytest.mark.skipif("sys.version_info > (3,)", reason="text")
def test_skipif_text():
    raise AssertionError


@pytest.mark.skipif(False, reason="never")
def test_not_skipped():
    pass


@pytest.mark.xfail
def test_xfail():
    raise AssertionError


@pytest.mark.xfail(strict=True)
def test_xfail_strict_passes():
    pass


@pytest.mark.xfail(raises=ValueError)
def test_xfail_raises():
    raise ValueError


@pytest.mark.xfail(raises=(KeyError, ValueError), reason="others")
def test_xfail_raises_other():
    raise TypeError


@pytest.mark.xfail(run=False)
def test_xfail_not_run():
    raise AssertionError


@pytest.mark.xfail("config.getoption('verbose') < 100", reason="condition")
def test_xfail_condition():
    raise AssertionError


@pytest.mark.xfail
def test_xpass():
    pass


@pytest.mark.skip(reason="class")
class TestSkipped:
    def setup_class(cls):
        raise AssertionError

    def test_never(self):
        raise AssertionError


@pytest.mark.filterwarnings("error::UserWarning")
def test_filterwarnings():
    import warnings

    with pytest.raises(UserWarning):
        warnings.warn("x")


@pytest.mark.usefixtures("tmp_path", "monkeypatch")
def test_usefixtures(request):
    assert "tmp_path" in request.fixturenames


@pytest.mark.unregistered
def test_unknown_mark():
    pass
