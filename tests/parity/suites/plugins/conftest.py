pytest_plugins = ["own_plugin", "helpers.more"]
