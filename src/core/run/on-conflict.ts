/** The ways in which an enqueue deals with another run of the same task that holds the key: leave it, take the key from it, or also cancel it. */
export const onConflicts = ['skip', 'replace', 'cancel-and-replace'] as const
/** One of `onConflicts`. */
export type OnConflict = (typeof onConflicts)[number]
