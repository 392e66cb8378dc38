"""The tables of the store's SQLite file, their versions, and what is invalid in them."""

import re
from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType

SCHEMA_VERSION = 10

SCHEMA = """
CREATE TABLE runs (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    state TEXT NOT NULL,
    experiment TEXT NOT NULL,
    origin TEXT NOT NULL,
    machine TEXT NOT NULL,
    created REAL NOT NULL,
    queued REAL NOT NULL,
    started REAL,
    ended REAL,
    seconds REAL NOT NULL DEFAULT 0,
    train_images INTEGER,
    validation_images INTEGER,
    images_per_second REAL,
    precision TEXT,
    precision_reason TEXT,
    scaling TEXT,
    message TEXT,
    note TEXT,
    monitor TEXT NOT NULL DEFAULT 'loss',
    stopped_early INTEGER,
    starred INTEGER NOT NULL DEFAULT 0,
    remark TEXT,
    preferred TEXT,
    parent TEXT,
    parent_epoch INTEGER,
    exact_loss_from INTEGER,
    phase TEXT,
    epoch INTEGER,
    step INTEGER,
    steps_per_epoch INTEGER,
    current_rate REAL,
    seconds_left REAL,
    heartbeat REAL,
    attempt INTEGER NOT NULL DEFAULT 0,
    lease_owner TEXT,
    lease_expires REAL,
    data_fingerprint TEXT,
    received INTEGER NOT NULL DEFAULT 0,
    owner TEXT,
    shown INTEGER NOT NULL DEFAULT 0,
    gives_way INTEGER NOT NULL DEFAULT 0,
    gave_way_to TEXT
);
CREATE TABLE epochs (
    run TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
    epoch INTEGER NOT NULL,
    loss REAL NOT NULL,
    accuracy REAL NOT NULL,
    val_loss REAL,
    val_accuracy REAL,
    learning_rate REAL NOT NULL,
    seconds REAL NOT NULL,
    PRIMARY KEY (run, epoch)
) WITHOUT ROWID;
-- A row holds the consecutive batches since the last one, as little-endian float32.
CREATE TABLE batches (
    run TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
    first_step INTEGER NOT NULL,
    count INTEGER NOT NULL,
    loss BLOB NOT NULL,
    accuracy BLOB NOT NULL,
    PRIMARY KEY (run, first_step)
);
CREATE TABLE controls (
    id INTEGER PRIMARY KEY,
    run TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
    action TEXT NOT NULL,
    asked REAL NOT NULL,
    done REAL
);
-- Preferences not tied to a run, as JSON.
CREATE TABLE preferences (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;
-- Groups of runs. A run's label is the value that varies. A study has settings, and its runs have
-- parameters, both as JSON, and pruned_after is the epoch after which the study stopped a run.
CREATE TABLE series (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    title TEXT NOT NULL,
    made REAL NOT NULL,
    runs INTEGER NOT NULL,
    settings TEXT,
    owner TEXT,
    shown INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE TABLE series_runs (
    series TEXT NOT NULL REFERENCES series(id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    run TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
    label TEXT NOT NULL,
    parameters TEXT,
    pruned_after INTEGER,
    PRIMARY KEY (series, position)
) WITHOUT ROWID;
-- Students of the class. The teacher is not among them, and owns what has no owner.
CREATE TABLE people (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    joined REAL NOT NULL,
    seen REAL NOT NULL,
    signed_out INTEGER NOT NULL DEFAULT 0,
    removed INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
-- What people of the class guess a picture shows, before the network answers.
CREATE TABLE guesses (
    game TEXT NOT NULL,
    position INTEGER NOT NULL,
    person TEXT NOT NULL,
    label INTEGER NOT NULL,
    PRIMARY KEY (game, position, person)
) WITHOUT ROWID;
CREATE INDEX runs_by_state ON runs(state, queued);
CREATE INDEX controls_open ON controls(run) WHERE done IS NULL;
"""

TABLES = frozenset(re.findall(r"CREATE TABLE (\w+)", SCHEMA))

SAFE_ID = """(
    typeof(id) = 'text' AND length(id) BETWEEN 1 AND 64
    AND length(CAST(id AS BLOB)) = length(id) AND id NOT GLOB '*[^A-Za-z0-9_-]*'
)"""
"""True for a row of ``runs`` whose id can be a folder's name (``damage.is_safe_id``)."""

BAD_EPOCH = """(
    typeof(epoch) <> 'integer' OR epoch NOT BETWEEN 1 AND 1000000
    OR typeof(loss) <> 'real' OR loss NOT BETWEEN -1 AND 1e39
    OR typeof(accuracy) <> 'real' OR accuracy NOT BETWEEN 0 AND 1
    OR typeof(val_loss) NOT IN ('real', 'null') OR val_loss NOT BETWEEN -1 AND 1e39
    OR typeof(val_accuracy) NOT IN ('real', 'null') OR val_accuracy NOT BETWEEN 0 AND 1
    OR typeof(learning_rate) <> 'real' OR learning_rate NOT BETWEEN 0 AND 1e6
    OR typeof(seconds) <> 'real' OR seconds NOT BETWEEN 0 AND 1e10
)"""
"""True for an invalid row of ``epochs``. Comparisons with NULL are NULL, so NULL passes."""

BAD_BATCHES = """(
    typeof(first_step) <> 'integer' OR first_step NOT BETWEEN 1 AND 1000000000
    OR typeof(count) <> 'integer' OR count < 1
    OR typeof(loss) <> 'blob' OR length(loss) <> 4 * count
    OR typeof(accuracy) <> 'blob' OR length(accuracy) <> 4 * count
)"""
"""True for a row of ``batches`` with invalid values."""

# Every list of runs queries them; they hold only invalid rows, so this costs nothing. Older
# versions can use a database with these indices.
INDICES = (
    f"CREATE INDEX IF NOT EXISTS bad_epochs ON epochs(run) WHERE {BAD_EPOCH}",
    f"CREATE INDEX IF NOT EXISTS bad_batches ON batches(run) WHERE {BAD_BATCHES}",
)

# Statements that migrate version N to N + 1. All runs of version 1 monitored the loss.
MIGRATIONS: Mapping[int, tuple[str, ...]] = MappingProxyType(
    {
        1: (
            "ALTER TABLE runs ADD COLUMN note TEXT",
            "ALTER TABLE runs ADD COLUMN monitor TEXT NOT NULL DEFAULT 'loss'",
            "ALTER TABLE runs ADD COLUMN stopped_early INTEGER",
        ),
        2: ("ALTER TABLE runs ADD COLUMN precision_reason TEXT",),
        3: (
            "CREATE TABLE preferences (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
            "CREATE TABLE series (id TEXT PRIMARY KEY, kind TEXT NOT NULL, title TEXT NOT NULL, "
            "made REAL NOT NULL, runs INTEGER NOT NULL) WITHOUT ROWID",
            "CREATE TABLE series_runs (series TEXT NOT NULL REFERENCES series(id) "
            "ON DELETE CASCADE, position INTEGER NOT NULL, run TEXT NOT NULL REFERENCES runs(id) "
            "ON DELETE CASCADE, label TEXT NOT NULL, PRIMARY KEY (series, position)) WITHOUT ROWID",
            "ALTER TABLE runs ADD COLUMN starred INTEGER NOT NULL DEFAULT 0",
            "ALTER TABLE runs ADD COLUMN remark TEXT",
            "ALTER TABLE runs ADD COLUMN preferred TEXT",
            "ALTER TABLE runs ADD COLUMN parent TEXT",
            "ALTER TABLE runs ADD COLUMN parent_epoch INTEGER",
        ),
        4: ("ALTER TABLE runs ADD COLUMN exact_loss_from INTEGER",),
        5: (
            "ALTER TABLE runs ADD COLUMN attempt INTEGER NOT NULL DEFAULT 0",
            "ALTER TABLE runs ADD COLUMN lease_owner TEXT",
            "ALTER TABLE runs ADD COLUMN lease_expires REAL",
        ),
        6: ("ALTER TABLE runs ADD COLUMN data_fingerprint TEXT",),
        7: (
            "ALTER TABLE runs ADD COLUMN received INTEGER NOT NULL DEFAULT 0",
            "ALTER TABLE series ADD COLUMN settings TEXT",
            "ALTER TABLE series_runs ADD COLUMN parameters TEXT",
            "ALTER TABLE series_runs ADD COLUMN pruned_after INTEGER",
        ),
        8: (
            "ALTER TABLE runs ADD COLUMN owner TEXT",
            "ALTER TABLE runs ADD COLUMN shown INTEGER NOT NULL DEFAULT 0",
            "UPDATE runs SET shown = 1 WHERE origin = 'recorded'",
            "ALTER TABLE series ADD COLUMN owner TEXT",
            "ALTER TABLE series ADD COLUMN shown INTEGER NOT NULL DEFAULT 0",
            "UPDATE series SET shown = 1 WHERE id IN (SELECT series FROM series_runs "
            "JOIN runs ON runs.id = run WHERE origin = 'recorded')",
            "CREATE TABLE people (id TEXT PRIMARY KEY, name TEXT NOT NULL, joined REAL NOT NULL, "
            "seen REAL NOT NULL, signed_out INTEGER NOT NULL DEFAULT 0, "
            "removed INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID",
            "CREATE TABLE guesses (game TEXT NOT NULL, position INTEGER NOT NULL, "
            "person TEXT NOT NULL, label INTEGER NOT NULL, "
            "PRIMARY KEY (game, position, person)) WITHOUT ROWID",
        ),
        9: (
            "ALTER TABLE runs ADD COLUMN gives_way INTEGER NOT NULL DEFAULT 0",
            "ALTER TABLE runs ADD COLUMN gave_way_to TEXT",
        ),
    }
)


def _created(statements: Iterable[str]) -> frozenset[str]:
    return frozenset(re.findall(r"CREATE TABLE (\w+)", " ".join(statements)))


def tables_of_version(version: int) -> frozenset[str]:
    """Return the names of the tables that an index of this version has."""
    later = (statements for older, statements in MIGRATIONS.items() if older >= version)
    return TABLES.difference(*map(_created, later))


def least_version(tables: Collection[str]) -> int:
    """Return the first version that has one of the newest of these tables."""
    makers = (older for older, made in MIGRATIONS.items() if not _created(made).isdisjoint(tables))
    return max(makers, default=0) + 1
