import pytest

pytest.importorskip("pytest", minversion="999")
