"""What the people of a home have chosen beside any run: small JSON values by name."""

import json
from typing import Any

from cifarviz.runs.store import RunStore


def preference(store: RunStore, name: str) -> Any:
    """The value kept under ``name``; ``None`` if nobody has chosen, or it cannot be read."""
    with store.database.connect() as connection:
        row = connection.execute("SELECT value FROM preferences WHERE name = ?", (name,)).fetchone()
    try:
        return None if row is None else json.loads(row["value"])
    except ValueError:
        return None


def prefer(store: RunStore, name: str, value: Any) -> None:
    """Keep ``value`` under ``name``; ``None`` forgets what was there."""
    with store.database.connect(write=True) as connection:
        if value is None:
            connection.execute("DELETE FROM preferences WHERE name = ?", (name,))
        else:
            connection.execute(
                "INSERT OR REPLACE INTO preferences VALUES (?, ?)", (name, json.dumps(value))
            )
