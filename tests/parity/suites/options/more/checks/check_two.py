def check_two():
    pass
