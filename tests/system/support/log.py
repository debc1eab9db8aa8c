"""Reads a change log as anybody can: through `syncline log cat --json`."""

import dataclasses


@dataclasses.dataclass
class LoggedChange:
    offset: int
    op: str
    table: str
    row: dict
    closes_cut: bool
