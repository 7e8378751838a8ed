-- The reins: checkpoints, pauses, waits, roll-backs, signals and the record of all that was asked, bulk operations, holds.

ALTER TABLE checkrein_runs ADD COLUMN returned INTEGER NOT NULL DEFAULT 0; -- claims that were taken back before the handler was called
ALTER TABLE checkrein_runs ADD COLUMN resume_at INTEGER;
ALTER TABLE checkrein_runs ADD COLUMN wake_at INTEGER;
ALTER TABLE checkrein_runs ADD COLUMN deadline_at INTEGER;
ALTER TABLE checkrein_runs ADD COLUMN checkpoint_at INTEGER;
ALTER TABLE checkrein_runs ADD COLUMN signalled INTEGER;      -- the newest signal that was sent to it
ALTER TABLE checkrein_runs ADD COLUMN rollback_on TEXT;       -- 'stop', 'failure', 'stop,failure', null for neither
ALTER TABLE checkrein_runs ADD COLUMN rollback TEXT;          -- JSON, as are the next two
ALTER TABLE checkrein_runs ADD COLUMN paused TEXT;
ALTER TABLE checkrein_runs ADD COLUMN wait TEXT;

CREATE INDEX checkrein_runs_resume ON checkrein_runs (resume_at) WHERE resume_at IS NOT NULL;
-- By the hold that pauses it.
CREATE INDEX checkrein_runs_paused_by ON checkrein_runs (json_extract(paused, '$.holdId')) WHERE paused IS NOT NULL;
CREATE INDEX checkrein_runs_wake ON checkrein_runs (wake_at) WHERE wake_at IS NOT NULL;
CREATE INDEX checkrein_runs_deadline ON checkrein_runs (deadline_at) WHERE deadline_at IS NOT NULL AND finished_at IS NULL;
DROP INDEX checkrein_runs_expiry;
CREATE INDEX checkrein_runs_expiry ON checkrein_runs (expires_at) WHERE expires_at IS NOT NULL AND attempt = returned AND finished_at IS NULL;
-- What a worker is to look at: a request, or a signal.
DROP INDEX checkrein_runs_intent;
CREATE INDEX checkrein_runs_asked ON checkrein_runs (worker_id) WHERE (intent IS NOT NULL OR signalled IS NOT NULL);

-- What a handler saved last. Not in the run's row, which is written again at each event.
CREATE TABLE checkrein_checkpoints (
  run_seq INTEGER PRIMARY KEY,
  data    TEXT NOT NULL                   -- JSON
) STRICT;

-- Everything that was asked: signals to handlers, verbs on a run, verbs on many, holds.
CREATE TABLE checkrein_signals (
  position     INTEGER PRIMARY KEY AUTOINCREMENT,
  call_id      TEXT NOT NULL,
  kind         TEXT NOT NULL CHECK (kind IN ('signal', 'control', 'bulk', 'hold', 'lift')),
  name         TEXT NOT NULL,
  run_seq      INTEGER,                   -- null for what is asked of many, or of a run that does not exist
  run_id       TEXT,
  created_at   INTEGER NOT NULL,
  delivered_at INTEGER,
  completed_at INTEGER,
  attempt      INTEGER,                   -- the one that it reached
  answer       TEXT,
  reason       TEXT,
  by           TEXT,
  origin       TEXT,
  target       TEXT,                      -- JSON, as are the rest
  error        TEXT,
  reply        TEXT,
  payload      TEXT
) STRICT;
CREATE UNIQUE INDEX checkrein_signals_call ON checkrein_signals (call_id, coalesce(run_id, ''));
CREATE INDEX checkrein_signals_run ON checkrein_signals (run_id, position) WHERE run_id IS NOT NULL;
CREATE INDEX checkrein_signals_pending ON checkrein_signals (run_seq, position) WHERE run_seq IS NOT NULL AND completed_at IS NULL;
-- What goes by its age, and not with its run.
CREATE INDEX checkrein_signals_past ON checkrein_signals (created_at) WHERE completed_at IS NOT NULL AND (kind <> 'signal' OR run_seq IS NULL);

-- Verbs on all runs of a filter, carried out piece by piece in the order of the runs.
CREATE TABLE checkrein_bulks (
  id          TEXT PRIMARY KEY,
  created_at  INTEGER NOT NULL,
  touched_at  INTEGER NOT NULL,           -- when somebody worked on it last
  finished_at INTEGER,
  upper_seq   INTEGER NOT NULL,           -- runs that came later are not meant
  done_seq    INTEGER NOT NULL,           -- all up to here are done
  total_count INTEGER NOT NULL,
  done_count  INTEGER NOT NULL,
  counts      TEXT NOT NULL,              -- JSON: answer to number
  request     TEXT NOT NULL,              -- JSON
  error       TEXT                        -- of whoever tried to go on with it last, and failed
) STRICT, WITHOUT ROWID;
CREATE INDEX checkrein_bulks_open ON checkrein_bulks (touched_at) WHERE finished_at IS NULL;

-- Verbs that stand for the runs of a filter, also for those that come.
CREATE TABLE checkrein_holds (
  id         TEXT PRIMARY KEY,
  verb       TEXT NOT NULL,
  filter     TEXT NOT NULL,               -- JSON, its parts in order
  is_lane    INTEGER NOT NULL,            -- 1 where it pauses whole lanes, so that claims pass them over
  task       TEXT,                        -- of a lane; null for any
  queue      TEXT,
  created_at INTEGER NOT NULL,
  until      INTEGER,
  rollback   INTEGER NOT NULL,            -- 1 where what has started is rolled back
  reason     TEXT,
  by         TEXT,
  UNIQUE (verb, filter)
) STRICT, WITHOUT ROWID;
