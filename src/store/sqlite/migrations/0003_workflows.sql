-- Workflows: graphs of runs, which know where they belong.

ALTER TABLE checkrein_runs ADD COLUMN workflow TEXT;          -- the id of the workflow that it is a member of
ALTER TABLE checkrein_runs ADD COLUMN node INTEGER;           -- its place there
ALTER TABLE checkrein_runs ADD COLUMN is_mapped INTEGER;      -- 1 where its input is a list, and the handler is called for each

CREATE INDEX checkrein_runs_workflow ON checkrein_runs (workflow, node) WHERE workflow IS NOT NULL;

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
  completed   INTEGER NOT NULL,
  failed      INTEGER NOT NULL,
  cancelled   INTEGER NOT NULL,
  detached    INTEGER NOT NULL,
  at_points   INTEGER NOT NULL,             -- 1 where a pause takes effect at pause points alone
  is_done     INTEGER NOT NULL,             -- 1 once its last node has completed
  tags        TEXT,                         -- JSON, as are the rest
  paused      TEXT,
  stop        TEXT,
  cause       TEXT,                         -- why it cannot complete
  rollback    TEXT,
  hooks       TEXT,
  result      TEXT,
  retry_of    TEXT,                         -- ids
  retried_by  TEXT
) STRICT;
CREATE UNIQUE INDEX checkrein_workflows_key ON checkrein_workflows (key) WHERE key_held = 1;
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
  failures  INTEGER NOT NULL,               -- and those that did not complete
  plan      TEXT,                           -- JSON, as are the rest: how the input comes about, what is run beside
  cause     TEXT,
  result    TEXT,
  PRIMARY KEY (workflow, node)
) STRICT, WITHOUT ROWID;
CREATE INDEX checkrein_nodes_up ON checkrein_nodes (workflow, up, slot) WHERE up IS NOT NULL;
