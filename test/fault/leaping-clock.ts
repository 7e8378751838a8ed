/** Loaded before a program (`--import`): its time of day leaps, three hours ahead, then six back, and so on. */
const Real = Date
const startedAt = performance.now()
const hour = 3_600_000

const now = (): number => {
  const seconds = Math.floor((performance.now() - startedAt) / 1000)
  return Real.now() + (seconds % 2 === 0 ? 3 : -3) * hour
}

globalThis.Date = class extends Real {
  constructor(...args: readonly unknown[]) {
    super(...((args.length === 0 ? [now()] : args) as []))
  }

  static override now(): number {
    return now()
  }
} as DateConstructor
