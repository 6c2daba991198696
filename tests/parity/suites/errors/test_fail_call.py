import pytest

pytest.fail("at module level", pytrace=False)
