/**
 * The figures on SQLite: `npm run bench`, or only some: `npm run bench -- enqueue latency`. On PostgreSQL:
 * `TEST_STORE=postgres npm run bench`, with `DATABASE_URL` or a server of its own. Quote ratios, not figures of one machine.
 */
import { controlLines } from './control.ts'
import { historyLines } from './history.ts'
import { idleLines } from './idle.ts'
import { latencyLines } from './latency.ts'
import { type Line, print } from './measure.ts'
import { reinsLines } from './reins.ts'
import { workflowLines } from './workflows.ts'
import { enqueueLines, runLines } from './throughput.ts'

const parts: Readonly<
  Record<string, { readonly title: string; readonly lines: () => Promise<Line[]> }>
> = {
  enqueue: { title: 'Enqueue', lines: enqueueLines },
  runs: { title: 'No-op runs, results and history kept', lines: runLines },
  latency: { title: 'Latency between processes', lines: latencyLines },
  control: { title: 'Control of many', lines: controlLines },
  reins: { title: 'The reins', lines: reinsLines },
  workflows: { title: 'Workflows', lines: workflowLines },
  idle: { title: 'Idle', lines: idleLines },
  history: { title: 'A long history, on PostgreSQL', lines: historyLines },
}

const wanted = process.argv.slice(2)
for (const [name, { title, lines }] of Object.entries(parts)) {
  if (wanted.length === 0 ? name !== 'history' : wanted.includes(name)) print(title, await lines())
}
