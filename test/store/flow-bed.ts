/** Workflows on a store, and workers that are played: what each task comes to is said by the test. */
import assert from 'node:assert/strict'
import { Client } from '../../src/client/client.ts'
import type { Workflow } from '../../src/client/views/workflow-view.ts'
import type { StepLike } from '../../src/core/workflow/parts.ts'
import type { MachineEvent } from '../../src/core/run/events.ts'
import { task } from '../../src/core/task/task.ts'
import type { ClaimedRun, ControlVerb } from '../../src/store/store.ts'
import { boom, retry } from '../core/samples.ts'
import { plainEnd, type StoreBed } from './bed.ts'
import type { StopWorkflowOptions, WorkflowOptions } from '../../src/client/options/options.ts'
import type { AnyTask, Task } from '../../src/core/task/context.ts'

const never = (): never => {
  throw new Error('is played')
}
const make = (name: string): Task<unknown, unknown> =>
  task({ name, isolation: 'inline', run: never as (input: unknown) => unknown })

/** Tasks by their names; each takes and gives anything. */
export const tasks = {
  a: make('a'),
  b: make('b'),
  c: make('c'),
  sum: make('sum'),
  hook: make('hook'),
  clause: make('clause'),
} satisfies Record<string, AnyTask>

/** What a run comes to: a result, or an error that is thrown. */
export type Play = (input: unknown, run: ClaimedRun) => unknown
export class Thrown extends Error {}

const usual: Readonly<Record<string, Play>> = {
  a: (input) => Number(input ?? 0) + 1,
  b: (input) => Number(input ?? 0) * 10,
  c: () => {
    throw new Thrown('no')
  },
  sum: (input) => (input as readonly number[]).reduce((all, one) => all + one, 0),
  hook: () => null,
  clause: () => false,
}

export class FlowBed {
  readonly bed: StoreBed
  readonly client: Client
  /** Inputs by task, in the order in which they were claimed. */
  readonly seen: Record<string, unknown[]> = {}
  plays: Record<string, Play> = { ...usual }

  static async on(bed: StoreBed): Promise<FlowBed> {
    await bed.worker('w1', {
      tasks: Object.fromEntries(
        Object.keys(usual).map((name) => [name, { isolation: 'inline', maxCrashes: 3 }]),
      ),
    })
    return new FlowBed(bed)
  }

  private constructor(bed: StoreBed) {
    this.bed = bed
    this.client = new Client(bed.store)
  }

  async start(
    step: StepLike,
    options: WorkflowOptions & { input?: unknown } = {},
  ): Promise<string> {
    return (await this.client.startWorkflow(step as never, options as never)).id
  }

  async get(id: string): Promise<Workflow> {
    const flow = await this.client.getWorkflow(id)
    assert.ok(flow, `there is no workflow ${id}`)
    return flow
  }

  async status(id: string): Promise<string> {
    return (await this.get(id)).status
  }

  async ask(verb: ControlVerb, id: string, options: StopWorkflowOptions = {}): Promise<string> {
    return (await this.client[`${verb}Workflow`](id, options as never)).answer
  }

  /** The runs of a workflow, in the order of its nodes. */
  async runs(id: string): Promise<
    readonly {
      readonly task: string
      readonly state: string
      readonly id: string
      readonly reason: string | null
      readonly input: unknown
    }[]
  > {
    const nodes = await this.bed.store.workflowNodes(id, { after: 0, limit: 5000 })
    return nodes.flatMap(({ run }) => {
      if (!run) return []
      const { task, state, id, stop, input } = run
      return [
        {
          task,
          state,
          id,
          reason: stop?.reason ?? null,
          input: input === null ? undefined : (JSON.parse(input) as unknown),
        },
      ]
    })
  }

  /** `task state` of each run of a workflow. */
  async states(id: string): Promise<string> {
    return (await this.runs(id)).map(({ task, state }) => `${task} ${state}`).join(', ')
  }

  /** What is there to claim. */
  async claim(limit = 10_000): Promise<readonly ClaimedRun[]> {
    const { store } = this.bed
    const request = { workerId: 'w1', queues: ['default'], tasks: Object.keys(usual), limit }
    const claimed = await store.claim(request)
    for (const { task, input } of claimed)
      (this.seen[task] ??= []).push(input === null ? undefined : (JSON.parse(input) as unknown))
    return claimed
  }

  eventOf(run: ClaimedRun): MachineEvent {
    const fence = { runId: run.id, attempt: run.attempt, workerId: 'w1' }
    try {
      const input: unknown = run.input === null ? undefined : JSON.parse(run.input)
      const result = this.plays[run.task]?.(input, run)
      return {
        type: 'complete',
        fence,
        result: result === undefined ? null : JSON.stringify(result),
        ...plainEnd,
      }
    } catch (error) {
      if (!(error instanceof Thrown)) throw error
      const failure = {
        error: { ...boom, message: error.message },
        isRetryable: false,
        retry,
        random: 0,
      }
      return { type: 'fail', fence, ...failure, ...plainEnd }
    }
  }

  /** These runs end, all at once. */
  async end(runs: readonly ClaimedRun[]): Promise<void> {
    const calls = runs.map((run) => {
      const member =
        run.workflow === null || run.node === null
          ? {}
          : { member: { workflow: run.workflow, node: run.node } }
      return { runId: run.id, seq: run.seq, event: this.eventOf(run), ...member }
    })
    await this.bed.store.apply(calls)
    // What is cancelled behind them is cancelled soon, by a bulk operation.
    await this.calm()
  }

  /** Waits until no bulk operation is under way. */
  async calm(): Promise<void> {
    for (let tries = 0; ; tries++) {
      const open = (await this.bed.store.bulks(null)).filter(
        ({ finishedAt }) => finishedAt === null,
      )
      if (open.length === 0) return
      assert.ok(tries < 2000, 'bulk operations end')
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
  }

  /** One round: claims what there is, and ends it. @returns how many. */
  async round(limit?: number): Promise<number> {
    const claimed = await this.claim(limit)
    if (claimed.length > 0) await this.end(claimed)
    return claimed.length
  }

  /** Until nothing is left to claim. */
  async play(): Promise<void> {
    while ((await this.round()) > 0);
  }
}
