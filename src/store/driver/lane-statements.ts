/** The statements about queues and tasks; see `Statements`. */
export interface LaneStatements {
  /**
   * The lanes that have queued runs, with how many and when the first of them was enqueued. Parameters: how many heads (a
   * lane has one for each priority) are looked at; up to which number a lane is counted.
   */
  readonly queuedLanes: string
  /** The lanes that have queued runs; parameter: how many of them. */
  readonly fullLanes: string
  /** How many runs of each other live state each lane has, of at most so many of each state. */
  readonly otherLanes: string
  /** The names of the tasks of the newest runs; parameter: of how many. */
  readonly newestTasks: string
}
