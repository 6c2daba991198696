import pytest

print("before the skip")
pytest.skip("skipped", allow_module_level=True)
