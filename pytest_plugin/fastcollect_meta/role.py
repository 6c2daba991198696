"""Which kind of process this is."""

from typing import Literal

Role = Literal["main", "zygote", "worker"]

#: "main" in a pytest that somebody started, "zygote" in a process that prepares pytest for workers,
#: "worker" in one that collects files for the main process. Set before anything of pytest is imported.
ROLE: Role = "main"
