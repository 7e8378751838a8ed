-- Runs that the handlers of others have enqueued.

ALTER TABLE checkrein_runs ADD COLUMN parent TEXT;            -- the id of the run whose handler has enqueued it
ALTER TABLE checkrein_runs ADD COLUMN place TEXT;             -- what that handler's next attempt knows it by
ALTER TABLE checkrein_runs ADD COLUMN checkpoints INTEGER;    -- how many states of its own handler were saved

CREATE INDEX checkrein_runs_parent ON checkrein_runs (parent, place) WHERE parent IS NOT NULL;
