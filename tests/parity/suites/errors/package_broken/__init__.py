raise RuntimeError("package cannot be imported")
