assert 1 == 2, "at module level"
