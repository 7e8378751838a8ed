/** What a worker costs that has nothing to do. Linux only: it reads /proc. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { setTimeout as pause } from 'node:timers/promises'
import { Bed } from '../test/support/bed.ts'
import { Fleet } from '../test/fault/fleet.ts'
import type { Line } from './measure.ts'

const ticksPerSecond = 100
const watchedSeconds = 10

export async function idleLines(): Promise<Line[]> {
  await using bed = await Bed.make()
  await using fleet = new Fleet()
  const modules = [fileURLToPath(new URL('./tasks.ts', import.meta.url))]
  const worker = await fleet.start({ url: bed.url, modules, spares: 0 })
  await pause(3000)
  const before = cpuSeconds(worker.pid)
  await pause(watchedSeconds * 1000)
  const used = (cpuSeconds(worker.pid) - before) / watchedSeconds
  return [
    { what: 'idle worker, of a core', value: used * 100, unit: '%' },
    { what: 'idle worker without isolates, RSS', value: rssMiB(worker.pid), unit: 'MiB' },
  ]
}

function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
}

function rssMiB(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024
}
