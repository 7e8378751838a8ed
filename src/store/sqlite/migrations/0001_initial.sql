-- The tables of a store in a file. The CHECKs on states say what src/core/run/transitions.ts says; a test compares them.
-- The columns of runs, workflows, nodes, signals, bulks and holds are described in src/store/rows/.

CREATE TABLE checkrein_runs (
  seq            INTEGER PRIMARY KEY,          -- the order in which runs were enqueued
  id             TEXT NOT NULL UNIQUE,
  task           TEXT NOT NULL,
  queue          TEXT NOT NULL,
  priority       INTEGER NOT NULL,
  state          TEXT NOT NULL,
  attempt        INTEGER NOT NULL DEFAULT 0,
  returned       INTEGER NOT NULL DEFAULT 0,   -- claims that were taken back before the handler was called
  failures       INTEGER NOT NULL DEFAULT 0,
  crashes        INTEGER NOT NULL DEFAULT 0,
  worker_id      TEXT,
  key            TEXT,
  key_held       INTEGER NOT NULL DEFAULT 0,   -- 1 while it is the run of its task that the key names
  is_awaited     INTEGER,                      -- 1 where more may come of its end than its worker knows: its completion looks again
  created_at     INTEGER NOT NULL,
  run_at         INTEGER,
  expires_at     INTEGER,
  deadline_at    INTEGER,
  started_at     INTEGER,
  finished_at    INTEGER,
  paused_from    TEXT,
  paused_by_kind TEXT,                         -- 'request', 'hold', 'workflow' or 'parent': by what it is paused, or asked to pause
  paused_by_id   TEXT,                         -- the id of the hold, the workflow or the parent
  dated          INTEGER,                          -- which of its instants people named as dates: 1 its start, 2 its deadline
  resume_at      INTEGER,
  wake_at        INTEGER,
  waits_for      TEXT,                         -- the id of the run whose end it waits for
  signalled      INTEGER,                      -- the newest signal that was sent to it
  checkpoint_at  INTEGER,
  checkpoints    INTEGER,                      -- how many states of its own handler were saved
  rollback_on    TEXT,                         -- 'stop', 'failure', 'stop,failure', null for neither
  workflow       TEXT,                         -- the id of the workflow that it is a member of
  node           INTEGER,                      -- its number there
  is_mapped      INTEGER,                      -- 1 where its input is a list, and the handler is called for each
  parent         TEXT,                         -- the id of the run whose handler has enqueued it
  place          TEXT,                         -- what that handler's next attempt knows it by
  retry_of       TEXT,                         -- the id of the run that this one tries again
  tags           TEXT,                         -- JSON array, null for none
  intent         TEXT,                         -- JSON, as are the rest: large ones last, so that the others are read without them
  paused         TEXT,
  wait           TEXT,
  stop           TEXT,
  rollback       TEXT,
  error          TEXT,
  progress       TEXT,
  result         TEXT,
  input          TEXT,
  CHECK ((state = 'scheduled' OR state = 'queued' OR state = 'running' OR state = 'waiting' OR state = 'paused' OR state = 'completed' OR state = 'failed' OR state = 'cancelled')),
  CHECK ((state = 'completed' OR state = 'failed' OR state = 'cancelled') = (finished_at IS NOT NULL)),
  CHECK ((state = 'running') = (worker_id IS NOT NULL)),
  CHECK ((state = 'paused') = (paused_from IS NOT NULL)),
  CHECK ((state = 'cancelled') = (stop IS NOT NULL)),
  CHECK (state = 'running' OR intent IS NULL)
) STRICT;

-- Claims: one short range a lane, however deep the others are.
CREATE INDEX checkrein_runs_claim ON checkrein_runs (queue, task, priority DESC, seq) WHERE state = 'queued';
-- The roll-backs to be done: a pause of their task or queue does not keep them back.
CREATE INDEX checkrein_runs_undo ON checkrein_runs (queue, task) WHERE rollback IS NOT NULL AND finished_at IS NULL;
CREATE INDEX checkrein_runs_due ON checkrein_runs (run_at) WHERE state = 'scheduled';
CREATE INDEX checkrein_runs_held ON checkrein_runs (worker_id) WHERE state = 'running';
-- What a worker is to look at: a request, or a signal.
CREATE INDEX checkrein_runs_asked ON checkrein_runs (worker_id) WHERE (intent IS NOT NULL OR signalled IS NOT NULL);
CREATE INDEX checkrein_runs_expiry ON checkrein_runs (expires_at) WHERE expires_at IS NOT NULL AND attempt = returned AND finished_at IS NULL;
CREATE INDEX checkrein_runs_deadline ON checkrein_runs (deadline_at) WHERE deadline_at IS NOT NULL AND finished_at IS NULL;
CREATE INDEX checkrein_runs_resume ON checkrein_runs (resume_at) WHERE resume_at IS NOT NULL;
CREATE INDEX checkrein_runs_wake ON checkrein_runs (wake_at) WHERE wake_at IS NOT NULL;
CREATE INDEX checkrein_runs_waiting ON checkrein_runs (waits_for) WHERE waits_for IS NOT NULL;
CREATE INDEX checkrein_runs_paused_by ON checkrein_runs (paused_by_id) WHERE paused_by_id IS NOT NULL AND paused IS NOT NULL;
CREATE UNIQUE INDEX checkrein_runs_key ON checkrein_runs (task, key) WHERE key_held = 1;
CREATE INDEX checkrein_runs_finished ON checkrein_runs (state, finished_at) WHERE finished_at IS NOT NULL;
-- What people look for among the many that are queued or went well.
CREATE INDEX checkrein_runs_notable ON checkrein_runs (state, seq) WHERE (state = 'waiting' OR state = 'paused' OR state = 'failed' OR state = 'cancelled');
CREATE INDEX checkrein_runs_workflow ON checkrein_runs (workflow, node) WHERE workflow IS NOT NULL;
CREATE INDEX checkrein_runs_retries ON checkrein_runs (retry_of) WHERE retry_of IS NOT NULL;
CREATE INDEX checkrein_runs_parent ON checkrein_runs (parent, place) WHERE parent IS NOT NULL;

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
  data     TEXT,                          -- JSON, null for nothing
  call_id  TEXT                           -- of the call on many runs that asked for it
) STRICT;
CREATE INDEX checkrein_feed_run ON checkrein_feed (run_seq, position);

-- What a handler saved last. Not in the run's row, which is written again at each event.
CREATE TABLE checkrein_checkpoints (
  run_seq INTEGER PRIMARY KEY,
  data    TEXT NOT NULL                   -- JSON
) STRICT;

-- The runs that a handler was given in place of children, because they held the key.
CREATE TABLE checkrein_borrowed (
  parent TEXT NOT NULL,                   -- the id of the run whose handler it was
  place  TEXT NOT NULL,                   -- as that of a child
  run_id TEXT NOT NULL,
  PRIMARY KEY (parent, place)
) STRICT, WITHOUT ROWID;
CREATE INDEX checkrein_borrowed_run ON checkrein_borrowed (run_id);

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

-- Verbs that wait for an id or a key that does not exist yet.
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

-- Everything that was asked: signals to handlers, verbs on a run, verbs on many, holds.
CREATE TABLE checkrein_signals (
  position     INTEGER PRIMARY KEY AUTOINCREMENT,
  call_id      TEXT NOT NULL,
  kind         TEXT NOT NULL CHECK (kind IN ('signal', 'control', 'bulk', 'hold', 'lift', 'prune')),
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
  done_seq    INTEGER NOT NULL DEFAULT 0, -- all up to here are done
  total_count INTEGER NOT NULL,
  done_count  INTEGER NOT NULL DEFAULT 0,
  hold_id     TEXT,                       -- the hold that it carries out, or lifts
  workflow    TEXT,                       -- the id of the workflow that it pauses or resumes
  counts      TEXT NOT NULL DEFAULT '{}', -- JSON: answer to number
  request     TEXT NOT NULL,              -- JSON
  error       TEXT,                       -- of whoever tried to go on with it last, and failed
  aborted     TEXT                        -- JSON: who has ended it before it was through, and why
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

-- Workflows: graphs of runs, which know where they belong.
CREATE TABLE checkrein_workflows (
  seq         INTEGER PRIMARY KEY AUTOINCREMENT,
  id          TEXT NOT NULL UNIQUE,
  name        TEXT,
  key         TEXT,
  key_held    INTEGER NOT NULL,             -- 1 while it is the workflow that the key names
  state       TEXT NOT NULL CHECK (state = 'running' OR state = 'completed' OR state = 'failed' OR state = 'cancelled'),
  priority    INTEGER NOT NULL,
  created_at  INTEGER NOT NULL,
  finished_at INTEGER,
  resume_at   INTEGER,
  total       INTEGER NOT NULL,             -- runs, and how many of them have ended, and how
  completed   INTEGER NOT NULL DEFAULT 0,
  failed      INTEGER NOT NULL DEFAULT 0,
  cancelled   INTEGER NOT NULL DEFAULT 0,
  detached    INTEGER NOT NULL DEFAULT 0,
  at_points   INTEGER NOT NULL,             -- 1 where a pause takes effect at pause points alone
  is_done     INTEGER NOT NULL DEFAULT 0,   -- 1 once its last node has completed
  retry_of    TEXT,                         -- ids
  retry_from  INTEGER,
  retried_by  TEXT,
  waits_for   TEXT,                         -- the id of the workflow whose end it waits for
  tags        TEXT,                         -- JSON, as are the rest
  paused      TEXT,
  stop        TEXT,
  cause       TEXT,                         -- why it cannot complete
  rollback    TEXT,
  hooks       TEXT,
  result      TEXT
) STRICT;
CREATE UNIQUE INDEX checkrein_workflows_key ON checkrein_workflows (key) WHERE key_held = 1;
CREATE INDEX checkrein_workflows_waits ON checkrein_workflows (waits_for) WHERE waits_for IS NOT NULL;
CREATE INDEX checkrein_workflows_resume ON checkrein_workflows (resume_at) WHERE resume_at IS NOT NULL;
CREATE INDEX checkrein_workflows_ended ON checkrein_workflows (state, finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX checkrein_workflows_live ON checkrein_workflows (seq) WHERE finished_at IS NULL;

-- The graph: a row for each run and each group; src/core/workflow/graph.ts says what the numbers mean.
CREATE TABLE checkrein_nodes (
  workflow  TEXT NOT NULL,
  node      INTEGER NOT NULL,
  run_seq   INTEGER,                        -- null for a group
  next      INTEGER,
  chain_end INTEGER NOT NULL,
  up        INTEGER,
  slot      INTEGER NOT NULL,
  last      INTEGER NOT NULL,
  is_head   INTEGER NOT NULL,
  is_point  INTEGER NOT NULL,
  source    INTEGER,
  role      TEXT NOT NULL,
  size      INTEGER NOT NULL,
  policy    TEXT NOT NULL,
  pending   INTEGER NOT NULL,               -- members of a group that have not ended
  failures  INTEGER NOT NULL DEFAULT 0,     -- and those that did not complete
  plan      TEXT,                           -- JSON, as are the rest: how the input comes about, what is run beside
  cause     TEXT,
  result    TEXT,
  PRIMARY KEY (workflow, node)
) STRICT, WITHOUT ROWID;
CREATE INDEX checkrein_nodes_up ON checkrein_nodes (workflow, up, slot) WHERE up IS NOT NULL;
