import warnings

for n in range(2):
    warnings.warn(f"in a loop {n}")
for n in range(2):
    warnings.warn("the same in a loop")


def test_loop():
    pass
