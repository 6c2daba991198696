def check_outside():
    pass
