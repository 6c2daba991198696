import pytest

pytest.skip("without allow_module_level")
