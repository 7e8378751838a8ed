import type { StoreBed } from '../store/bed.ts'

/** Promises of a store, by name. */
export type Promises = Readonly<Record<string, (bed: StoreBed) => Promise<void>>>
