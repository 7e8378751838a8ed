/** The first of the nodes that undo others: behind all that a graph can have. */
export const firstUndoing = 1_000_001
