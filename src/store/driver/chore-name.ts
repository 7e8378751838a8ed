/**
 * The chores of housekeeping that wait for a time (`store/chores/chores.ts`). Each database says of each of them when it is due next: the
 * statement `nextAt` gives the earliest of these.
 */
export type ChoreName =
  | 'endHolds'
  | 'expire'
  | 'endLate'
  | 'wake'
  | 'resumeWorkflows'
  | 'resume'
  | 'resumeOrphaned'
  | 'queueDue'
