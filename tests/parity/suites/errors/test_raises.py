def broken():
    raise ValueError("while importing")


broken()
