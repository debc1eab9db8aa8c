"""Reads a change log as anybody can: through `syncline log cat --json`."""

import dataclasses
import json


@dataclasses.dataclass
class LoggedChange:
    """One line; the row and the key as dicts of JSON's types, `table` without its schema."""

    offset: int
    op: str  # upsert, delete, mark
    table: str
    key: dict
    row: dict
    version: object
    previous: object
    closes_cut: bool
    frame: int  # the offset at which its frame begins


def changes(syncline, database, *options):
    """The changes of that database's log, in the order of the log; `options` as `log cat` takes them."""
    text = syncline.run("log", "cat", database, "--json", *options).stdout
    for line in text.split("\n")[:-1]:
        fields = json.loads(line)
        yield LoggedChange(
            fields["offset"], fields["op"], (fields["table"] or "").split(".")[-1], fields["key"], fields["row"],
            fields["version"], fields["previous"], fields["closes_cut"], fields["frame"],
        )  # fmt: skip


def stat(syncline, database):
    """`log stat --json`, which reads every frame and fails where the chain is broken."""
    return syncline.run("log", "stat", database, "--json").json()
