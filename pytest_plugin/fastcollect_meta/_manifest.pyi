"""The manifest for the plugin: reading records that are still valid, and merging new ones into the file."""

from collections.abc import Iterable, Sequence
from typing import Literal, final

@final
class Manifest:
    """A mapped manifest and its section for one options key. Not shared between threads."""

    touched: int
    """Dependencies seen so far with other times and the same content; update() renews them."""

    def check_all(self) -> int:
        """Check every record of the section, each path once. Returns how many are stale."""

    def get(
        self, path: str, collector: str
    ) -> tuple[Literal["valid", "stale", "native", "absent"], bytes | None]:
        """What is known of a file: its packed Record (without dependencies) where that is valid.

        "native": it was marked to be collected natively and is unchanged since; see native_reason().
        Raises ValueError where the record is damaged.
        """

    def stale_reason(self, path: str, collector: str) -> str | None:
        """The dependency that made a record stale and how, as one line; None where it is valid or absent."""

    def has_walked(self, path: str, asked: bool) -> bool:
        """Whether a folder is known to have the entries that it had when pytest walked it.

        `asked`: it was itself an argument of pytest then.
        """

    def native_reason(self, path: str, collector: str) -> str | None:
        """Why a file is to be collected natively; None where it isn't."""

    def marked(self, reason: str) -> list[tuple[str, str]]:
        """(path, collector) of each file with that native reason."""

    def durations(self) -> dict[tuple[str, str], float]:
        """Seconds that collecting took, by (path, collector), of stale and dropped records too."""

    def keys(self) -> list[tuple[str, str]]:
        """(path, collector) of each record in the section, in the order of the collection that wrote it."""

    def __len__(self) -> int:
        """Number of records in the section."""

    def close(self) -> None:
        """Unmap the file. Later calls raise ValueError."""

def open(path: str, options_key: bytes, environment: Iterable[bytes] = ..., /) -> Manifest:
    """Map a manifest that this Python and this pytest wrote.

    Variables are compared with `environment`, b"NAME=VALUE" each; without it with the process's own.

    Raises FileNotFoundError where there is none, another OSError where it can't be read, ValueError with one line
    where it is damaged, foreign, or of another version of Python, pytest or this package.
    """

def update(
    path: str,
    options_key: bytes,
    records: Sequence[bytes],
    drop: Sequence[tuple[str, str]] = (),
    *,
    rootdir: str,
    native: Sequence[tuple[str, str, str, float] | tuple[str, str, str, float, bytes]] = (),
    started_ns: int = 0,
    walked: Sequence[tuple[str, bool]] = (),
) -> list[tuple[str, str, str]]:
    """Merge packed Records with their dependencies into the manifest, and keep what others put there.

    `drop` holds (path, collector) whose record goes, `native` holds (path, collector, reason, seconds) to be collected
    natively while the file is unchanged, and what it depends on besides (the dependencies of a packed Record, where given). `started_ns` is time.time_ns() of the start of the run: a record that depends
    on what changed since isn't kept (0: not looked at). `walked` holds (folder, whether it was an argument of pytest) of folders that were walked, whose
    listings are noted. Returns (path, collector, why) of records that weren't kept.
    With nothing to merge, times of touched dependencies are renewed. Raises OSError or ValueError with one line; the
    old file is untouched then.
    """

def shard(ids: Sequence[bytes], shard: str, by: str, durations: str, /) -> list[bool]:
    """Which of the tests belong to a shard "I/N"; `by` is what is kept together: test, function, class or file.

    `durations` is the path of a file that `add_durations` has written; where it can't be used each test counts the same.
    Raises ValueError for another shard or `by`.
    """

def add_durations(path: str, tests: Sequence[tuple[bytes, float]], rootdir: str, /) -> None:
    """Merge (id, seconds) of tests into a file of durations; those of one file stand together.

    Raises OSError or ValueError with one line; the old file is untouched then.
    """
