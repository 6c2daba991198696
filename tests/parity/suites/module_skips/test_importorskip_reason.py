import pytest

missing = pytest.importorskip("module_that_is_not_there", reason="it is not there")
