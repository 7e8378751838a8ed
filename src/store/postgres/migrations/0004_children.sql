-- Runs that the handlers of others have enqueued. The twin of SQLite's.
-- Programs that know version 3 would wake a run at the end of the first of its children: they cannot go on.

ALTER TABLE runs
  ADD COLUMN parent text COLLATE "C",               -- the id of the run whose handler has enqueued it
  ADD COLUMN place text COLLATE "C",                -- what that handler's next attempt knows it by
  ADD COLUMN checkpoints integer;                   -- how many states of its own handler were saved

CREATE INDEX runs_parent ON runs (parent, place) WHERE parent IS NOT NULL;
