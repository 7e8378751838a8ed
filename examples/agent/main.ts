/**
 * A long run with subprocesses and progress, cancelled from outside: `node examples/agent/main.ts`.
 * The first agent stops when it is asked, and keeps what it has done; the second one's tool refuses to stop.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, type RunHandle, startWorker } from '../../src/index.ts'
import { agent } from './tasks.ts'

const folder = mkdtempSync(join(tmpdir(), 'checkrein-agent-'))
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))

await using reins = await connect(`sqlite:${join(folder, 'agent.db')}`, { by: 'examples/agent' })
await using _worker = await startWorker(reins, {
  modules: [new URL('./tasks.ts', import.meta.url)],
  concurrency: 2,
})

const obedient = await reins.enqueue(agent, {
  commands: ['date', 'uname', 'exec sleep 600', 'date'],
})
await untilCommand(obedient, 'exec sleep 600')
await stopIt('obedient', obedient)

const stubborn = await reins.enqueue(agent, { commands: ['date', 'trap "" TERM; sleep 600'] })
await untilCommand(stubborn, 'trap "" TERM; sleep 600')
await stopIt('stubborn', stubborn)

/** Fulfils when the agent reports that it runs a command. */
async function untilCommand(run: RunHandle, wanted: string): Promise<void> {
  for await (const { type } of run.events()) {
    const { progress } = await run.get()
    const { command } = (progress ?? {}) as { command?: string }
    if (type === 'progress') console.log('progress', progress)
    if (command === wanted) return
  }
}

async function stopIt(name: string, run: RunHandle): Promise<void> {
  const { mode, confirmed, stop } = await run.cancel({
    reason: 'the user closed the tab',
    grace: '1s',
  })
  console.log(`${name}: ${mode}, ${confirmed ? 'confirmed' : 'not confirmed'}`)
  console.log('stop record', stop)
  console.log('partial result', (await run.get()).result)
}
