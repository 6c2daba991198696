from . import choose

TABLE = {number: choose(number) for number in range(6)}


def main():
    if len(TABLE) == 6:
        print("six")
    else:
        print("not six")


if __name__ == "__main__":
    main()
