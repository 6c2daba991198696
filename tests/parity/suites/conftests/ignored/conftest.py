def pytest_ignore_collect(collection_path):
    if collection_path.name.startswith("test_no"):
        return True
    return None
