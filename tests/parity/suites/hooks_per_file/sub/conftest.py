def pytest_itemcollected(item):
    if getattr(item.obj, "slow", False):
        item.add_marker("slow")
