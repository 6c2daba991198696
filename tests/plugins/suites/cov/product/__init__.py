"""What is measured."""

KIND = "plain"


def choose(value):
    if value > 3:
        return "big"
    for _ in range(value):
        KIND.upper()
    return "small"


def never():
    return 1
