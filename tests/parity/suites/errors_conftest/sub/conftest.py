raise RuntimeError("conftest cannot be imported")
