-- Runs, their feeds, the workers that hold them, and the tombstones that wait for them.
-- The CHECKs on states say what src/core/run/transitions.ts says; a test compares them.

CREATE TABLE checkrein_runs (
  seq         INTEGER PRIMARY KEY,        -- the order in which runs were enqueued
  id          TEXT NOT NULL UNIQUE,
  task        TEXT NOT NULL,
  queue       TEXT NOT NULL,
  priority    INTEGER NOT NULL,
  state       TEXT NOT NULL,
  attempt     INTEGER NOT NULL,
  failures    INTEGER NOT NULL,
  crashes     INTEGER NOT NULL,
  worker_id   TEXT,
  key         TEXT,
  key_held    INTEGER NOT NULL,           -- 1 while it is the run of its task that the key names
  created_at  INTEGER NOT NULL,
  run_at      INTEGER,
  expires_at  INTEGER,
  started_at  INTEGER,
  finished_at INTEGER,
  paused_from TEXT,
  waits_for   TEXT,
  tags        TEXT,                       -- JSON array, null for none
  intent      TEXT,                       -- JSON, as are the rest: large ones last, so that the others are read without them
  stop        TEXT,
  error       TEXT,
  progress    TEXT,
  result      TEXT,
  input       TEXT,
  CHECK ((state = 'scheduled' OR state = 'queued' OR state = 'running' OR state = 'waiting' OR state = 'paused' OR state = 'completed' OR state = 'failed' OR state = 'cancelled')),
  CHECK ((state = 'completed' OR state = 'failed' OR state = 'cancelled') = (finished_at IS NOT NULL)),
  CHECK ((state = 'running') = (worker_id IS NOT NULL)),
  CHECK ((state = 'paused') = (paused_from IS NOT NULL)),
  CHECK ((state = 'cancelled') = (stop IS NOT NULL)),
  CHECK (state = 'running' OR intent IS NULL)
) STRICT;

-- Claims: one short range a lane, however deep the others are.
CREATE INDEX checkrein_runs_claim ON checkrein_runs (queue, task, priority DESC, seq) WHERE state = 'queued';
CREATE INDEX checkrein_runs_due ON checkrein_runs (run_at) WHERE state = 'scheduled';
CREATE INDEX checkrein_runs_held ON checkrein_runs (worker_id) WHERE state = 'running';
CREATE INDEX checkrein_runs_intent ON checkrein_runs (worker_id) WHERE intent IS NOT NULL;
CREATE INDEX checkrein_runs_expiry ON checkrein_runs (expires_at) WHERE expires_at IS NOT NULL AND attempt = 0 AND finished_at IS NULL;
CREATE INDEX checkrein_runs_waiting ON checkrein_runs (waits_for) WHERE waits_for IS NOT NULL;
CREATE UNIQUE INDEX checkrein_runs_key ON checkrein_runs (task, key) WHERE key_held = 1;
CREATE INDEX checkrein_runs_finished ON checkrein_runs (state, finished_at) WHERE finished_at IS NOT NULL;
-- What people look for among the many that are queued or went well.
CREATE INDEX checkrein_runs_notable ON checkrein_runs (state, seq) WHERE (state = 'waiting' OR state = 'paused' OR state = 'failed' OR state = 'cancelled');

CREATE TABLE checkrein_tags (
  tag     TEXT NOT NULL,
  run_seq INTEGER NOT NULL,
  PRIMARY KEY (tag, run_seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX checkrein_tags_run ON checkrein_tags (run_seq);

-- What happened, entry by entry. A position is never given twice: the newest entry is never deleted, and a prune
-- leaves it behind as the entry of run 0. (AUTOINCREMENT would do the same for one more page in every commit.)
CREATE TABLE checkrein_feed (
  position INTEGER PRIMARY KEY,
  run_seq  INTEGER NOT NULL,
  at       INTEGER NOT NULL,
  type     TEXT NOT NULL,
  attempt  INTEGER NOT NULL,
  state    TEXT NOT NULL,
  data     TEXT                           -- JSON, null for nothing
) STRICT;
CREATE INDEX checkrein_feed_run ON checkrein_feed (run_seq, position);

CREATE TABLE checkrein_workers (
  id          TEXT PRIMARY KEY,
  host        TEXT NOT NULL,
  pid         INTEGER NOT NULL,
  queues      TEXT NOT NULL,              -- JSON array
  tasks       TEXT NOT NULL,              -- JSON: name to isolation and crash limit
  version     TEXT NOT NULL,
  started_at  INTEGER NOT NULL,
  lease_ms    INTEGER NOT NULL,
  lease_until INTEGER NOT NULL            -- on the lease clock
) STRICT, WITHOUT ROWID;

-- Facts about the database as a whole: the boot that its lease clock belongs to.
CREATE TABLE checkrein_meta (
  name  TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE checkrein_tombstones (
  kind       TEXT NOT NULL CHECK (kind IN ('id', 'key')),
  task       TEXT NOT NULL,               -- '' for an id
  value      TEXT NOT NULL,
  verb       TEXT NOT NULL,
  reason     TEXT,
  by         TEXT,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  PRIMARY KEY (kind, task, value)
) STRICT, WITHOUT ROWID;
