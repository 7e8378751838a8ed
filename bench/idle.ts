/** Measures how much a worker of the built package costs that has nothing to do. Linux only: it reads /proc. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Bed } from '../test/support/bed.ts'
import type { Line } from './measure.ts'

const root = fileURLToPath(new URL('../', import.meta.url))
const ticksPerSecond = 100
const watchedSeconds = 10

export async function idleLines(): Promise<Line[]> {
  await using bed = await Bed.make()
  const module = join(bed.folder, 'tasks.mjs')
  const door = new URL('../dist/index.js', import.meta.url).href
  writeFileSync(
    module,
    `import { task } from '${door}'\nexport const a = task({ name: 'a', isolation: 'inline', run: () => 1 })\n`,
  )
  const cli = [join(root, 'dist/cli/main.js'), 'worker', module, '--store', bed.url]
  const worker = spawn(process.execPath, cli, { stdio: 'ignore' })
  const pid = worker.pid ?? 0
  await pause(4000)
  const before = cpuSeconds(pid)
  await pause(watchedSeconds * 1000)
  const used = (cpuSeconds(pid) - before) / watchedSeconds
  const rss = rssMiB(pid)
  worker.kill()
  await once(worker, 'exit')
  return [
    { what: 'idle worker, of a core', value: used * 100, unit: '%' },
    { what: 'idle worker without isolates, RSS', value: rss, unit: 'MiB' },
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
