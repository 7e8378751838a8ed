/** How the figures are taken: medians of several rounds, and the raw database beside ours in the same round. */

/** A worker that only claims, for measurements of claims alone; its lease outlives them. */
export const claimingWorker = {
  id: 'bench',
  host: 'bench',
  pid: 1,
  queues: [],
  tasks: {},
  version: '0',
  leaseMs: 3_600_000,
}

export interface Line {
  readonly what: string
  readonly value: number
  readonly unit: string
  /** Against doing the same writes with `node:sqlite` or `pg` alone, in the same round. */
  readonly ofRaw?: number
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

export function quantile(values: readonly number[], at: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * at))] ?? Number.NaN
}

/** Things done in a second by `work`, which does `count` of them. */
export async function perSecond(count: number, work: () => unknown): Promise<number> {
  const start = performance.now()
  await work()
  return (count / (performance.now() - start)) * 1000
}

export function print(title: string, lines: readonly Line[]): void {
  console.log(`\n${title}`)
  for (const { what, value, unit, ofRaw } of lines) {
    const figure = value >= 100 ? Math.round(value).toLocaleString('en') : value.toPrecision(3)
    const ratio = ofRaw === undefined ? '' : `   ${ofRaw.toFixed(2)} of raw`
    console.log(`  ${what.padEnd(48)} ${figure.padStart(10)} ${unit.padEnd(5)}${ratio}`)
  }
}
