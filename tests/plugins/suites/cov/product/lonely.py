LOADED = True
if LOADED:
    LINES = 3
