/** Plays what happens to a workflow and its workers on a store, and holds what comes of it against the oracle. */
import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import { Client } from '../../src/client/client.ts'
import type { Workflow } from '../../src/client/views/workflow-view.ts'
import type { StoredRun } from '../../src/core/run/run.ts'
import { isFinal, stopVerbs } from '../../src/core/run/transitions.ts'
import type { ClaimedRun, RunEventCall, WorkflowNode } from '../../src/store/store.ts'
import { boom, retry } from '../core/samples.ts'
import { plainEnd, plainWorker, type StoreBed } from '../store/bed.ts'
import {
  alike,
  answers,
  type Fate,
  names,
  Oracle,
  resultOf,
  type Shape,
  ttlMs,
  written,
} from './graphs.ts'
import { runningPolicies } from '../../src/core/run/intent.ts'

const which = fc.nat({ max: 30 })
const leaseMs = 1000

/** What may happen, as data. */
export const happenings = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant('claim' as const),
        limit: fc.integer({ min: 1, max: 4 }),
      }),
    },
    {
      weight: 8,
      arbitrary: fc.record({
        do: fc.constant('end' as const),
        runs: fc.array(which, { minLength: 1, maxLength: 4 }),
        how: fc.constantFrom(
          'complete' as const,
          'complete' as const,
          'complete' as const,
          'fail' as const,
          'retry' as const,
        ),
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('kill' as const) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('pass' as const) }) },
    {
      weight: 1,
      arbitrary: fc.record({
        do: fc.constant('stop' as const),
        verb: fc.constantFrom(...stopVerbs),
        running: fc.constantFrom(...runningPolicies),
        rollback: fc.constantFrom(false, false, true),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant('member' as const),
        verb: fc.constantFrom(
          'cancel' as const,
          'revoke' as const,
          'pause' as const,
          'resume' as const,
        ),
        run: which,
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constantFrom('pause' as const, 'resume' as const, 'move' as const),
      }),
    },
  ),
  { minLength: 3, maxLength: 24 },
)
export type Happening = typeof happenings extends fc.Arbitrary<readonly (infer One)[]> ? One : never

export interface FlowGame {
  readonly shape: Shape
  readonly happenings: readonly Happening[]
  /** What is done when it has ended without completing. */
  readonly isRetried: boolean
}

let gameCount = 0

export class FlowPlay {
  readonly #bed: StoreBed
  readonly #client: Client
  readonly #oracle: Oracle
  readonly #fates = new Map<number, { given: unknown[] }>()
  /** How often a hook was run, by what it was told of. */
  readonly #hooks = new Map<string, number>()
  #id = ''
  #worker = ''
  #held: ClaimedRun[] = []
  #isStopped = false
  #mayStart = true
  #wasUndone = false

  static async play(bed: StoreBed, { shape, happenings, isRetried }: FlowGame): Promise<void> {
    const game = new FlowPlay(bed, shape)
    await game.#startWorker()
    const handle = await game.#client.startWorkflow(
      written(shape) as never,
      { input: 100 } as never,
    )
    game.#id = handle.id
    for (const happening of happenings) await game.#happen(happening)
    await game.#finish()
    await game.#check()
    const ended = await game.#flow()
    if (!isRetried || ended.state === 'completed' || game.#wasUndone || ended.detached > 0) return
    await game.#goOn(await game.#client.retryWorkflow(ended.id))
    await game.#finish()
    await game.#check()
  }

  private constructor(bed: StoreBed, shape: Shape) {
    this.#bed = bed
    this.#client = new Client(bed.store)
    this.#oracle = new Oracle(shape)
    gameCount++
  }

  async #startWorker(): Promise<void> {
    this.#worker = `g${gameCount}-w${Math.random()}`
    const tasks = Object.fromEntries(
      names.map((name) => [name, { isolation: 'inline', maxCrashes: 3 }] as const),
    )
    await this.#bed.store.registerWorker({ ...plainWorker, id: this.#worker, tasks, leaseMs })
  }

  async #happen(happening: Happening): Promise<void> {
    switch (happening.do) {
      case 'claim':
        await this.#claim(happening.limit)
        return
      case 'end': {
        const all = new Set(happening.runs.map((at) => this.#held[at % this.#held.length]))
        return this.#end(
          [...all].filter((run) => run !== undefined),
          happening.how,
        )
      }
      case 'kill':
        this.#held = []
        this.#bed.clock.advance(leaseMs + 1)
        await this.#bed.store.housekeep()
        return this.#startWorker()
      case 'pass':
        // Less than the lease; more than some may wait.
        await this.#bed.store.renewLease(this.#worker)
        this.#bed.clock.advance(ttlMs + 1)
        await this.#bed.store.housekeep()
        return this.#calm()
      case 'stop':
        return this.#stop(happening)
      case 'member':
        return this.#askMember(happening)
      case 'move':
        return this.#move()
      case 'pause':
      case 'resume': {
        const { answer } = await this.#client[`${happening.do}Workflow`](this.#id)
        await this.#calm()
        const isEverywhere = answer === 'paused' && !(await this.#pausesAtPoints())
        if (isEverywhere) this.#mayStart = false
        if (answer === 'resumed') this.#mayStart = true
      }
    }
  }

  async #pausesAtPoints(): Promise<boolean> {
    const [flow] = await this.#bed.store.workflows([this.#id])
    return flow?.pausesAtPoints === true
  }

  async #claim(limit: number): Promise<number> {
    const request = { workerId: this.#worker, queues: ['default'], tasks: names, limit }
    const claimed = await this.#bed.store.claim(request)
    for (const run of claimed) {
      this.#held.push(run)
      const input: unknown = run.input === null ? undefined : JSON.parse(run.input)
      if (run.task === 'hook') {
        const { on, tag } = input as { on: string; tag: string }
        const name = `${on} ${tag}`
        this.#hooks.set(name, (this.#hooks.get(name) ?? 0) + (run.attempt === 1 ? 1 : 0))
      }
      if (run.workflow !== this.#id || run.rollback !== null || run.node === null) continue
      assert.ok(!this.#isStopped, `node ${run.node} starts after the stop`)
      assert.ok(this.#mayStart, `node ${run.node} starts during the pause`)
      const fate = this.#fates.get(run.node) ?? { given: [] }
      fate.given.push(input)
      this.#fates.set(run.node, fate)
    }
    return claimed.length
  }

  /** These attempts end, in one write. */
  async #end(runs: readonly ClaimedRun[], how: 'complete' | 'fail' | 'retry'): Promise<void> {
    if (runs.length === 0) return
    this.#held = this.#held.filter((run) => !runs.includes(run))
    const calls: RunEventCall[] = []
    for (const run of runs) {
      const now = await this.#bed.get(run.id)
      calls.push({
        runId: run.id,
        seq: run.seq,
        event: this.#eventOf(run, now, how),
        ...memberOf(run),
      })
    }
    await this.#bed.store.apply(calls)
    await this.#calm()
  }

  #eventOf(
    run: ClaimedRun,
    now: StoredRun,
    how: 'complete' | 'fail' | 'retry',
  ): RunEventCall['event'] {
    const fence = { runId: run.id, attempt: run.attempt, workerId: this.#worker }
    const { stop = null, pause = null } = now.intent ?? {}
    if (stop !== null && stop.verb !== 'revoke' && how !== 'complete')
      return { type: 'stop', mode: 'forced', fence, ...plainEnd }
    if (pause !== null && how === 'retry') return { type: 'park', fence, ...plainEnd }
    if (how === 'complete' || run.rollback !== null) {
      const input: unknown = run.input === null ? undefined : JSON.parse(run.input)
      const result = run.task === 'clause' ? answers(input) : resultOf(run.node ?? 0, input)
      return { type: 'complete', fence, result: JSON.stringify(result), ...plainEnd }
    }
    const policy = { ...retry, delayMs: 0, attempts: how === 'fail' ? 1 : 3 }
    return {
      type: 'fail',
      fence,
      error: boom,
      isRetryable: true,
      retry: policy,
      random: 0,
      ...plainEnd,
    }
  }

  async #stop({ verb, running, rollback }: Extract<Happening, { do: 'stop' }>): Promise<void> {
    const { answer } = await this.#client[`${verb}Workflow`](this.#id, {
      running,
      rollback,
      grace: 0,
    })
    await this.#calm()
    if (answer !== 'requested') return
    this.#isStopped = true
    this.#wasUndone ||= rollback
  }

  async #askMember({ verb, run }: Extract<Happening, { do: 'member' }>): Promise<void> {
    const runs = (await this.#nodes()).flatMap((node) =>
      node.run && node.role !== 'rollback' ? [node.run.id] : [],
    )
    const id = runs[run % runs.length]
    if (id === undefined) return
    await this.#bed.askOne(verb, id)
    await this.#calm()
  }

  /** Where it has paused, it is exported, and goes on as another one. */
  async #move(): Promise<void> {
    const { status } = await this.#flow()
    if (status !== 'paused') return
    const rest = JSON.stringify(await this.#client.exportWorkflow(this.#id))
    const { answer } = await this.#client.cancelWorkflow(this.#id)
    assert.equal(answer, 'requested')
    await this.#calm()
    assert.equal((await this.#flow()).state, 'cancelled')
    await this.#goOn(await this.#client.importWorkflow(rest))
    this.#mayStart = true
  }

  /** Another workflow goes on with what this one has come to. */
  async #goOn({ id }: { readonly id: string }): Promise<void> {
    const before = await this.#fatesNow()
    for (const [node, fate] of before)
      this.#fates.set(node, fate.state === 'completed' ? { ...fate, given: [] } : { given: [] })
    this.#kept = before
    this.#id = id
    this.#isStopped = false
    this.#mayStart = true
  }

  /** What those that it goes on with had come to. */
  #kept: ReadonlyMap<number, Fate> = new Map()

  async #calm(): Promise<void> {
    for (let tries = 0; ; tries++) {
      const bulks = await this.#bed.store.bulks(null)
      if (bulks.every(({ finishedAt }) => finishedAt !== null)) return
      assert.ok(tries < 5000, 'bulk operations end')
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
  }

  async #flow(): Promise<Workflow> {
    const flow = await this.#client.getWorkflow(this.#id)
    assert.ok(flow)
    return flow
  }

  #nodes(): Promise<readonly WorkflowNode[]> {
    return this.#bed.store.workflowNodes(this.#id, { after: 0, limit: 5000 })
  }

  async #fatesNow(): Promise<ReadonlyMap<number, Fate>> {
    const fates = new Map(this.#kept)
    for (const { node, run, role } of await this.#nodes()) {
      if (!run || role === 'rollback') continue
      const result: unknown = run.result === null ? undefined : JSON.parse(run.result)
      fates.set(node, { state: run.state, result, given: this.#fates.get(node)?.given ?? [] })
    }
    return fates
  }

  /** Everything goes on until nothing is left of it. */
  async #finish(): Promise<void> {
    for (let rounds = 0; ; rounds++) {
      assert.ok(rounds < 500, `it ends: ${JSON.stringify(await this.#flow())}`)
      await this.#end(this.#held, 'complete')
      if ((await this.#flow()).finishedAt !== null && (await this.#claim(100)) === 0) return
      await this.#client.resumeWorkflow(this.#id)
      this.#mayStart = true
      await this.#client.resume({ filter: { workflow: this.#id } })
      await this.#calm()
      await this.#bed.store.renewLease(this.#worker)
      this.#bed.clock.advance(1)
      await this.#bed.store.housekeep()
      await this.#claim(100)
    }
  }

  async #check(): Promise<void> {
    const flow = await this.#flow()
    const nodes = await this.#nodes()
    const fates = await this.#fatesNow()
    const value = flow.detached > 0 ? undefined : this.#oracle.outcome(fates)
    if (flow.detached === 0) this.#checkEnd(flow, value)
    for (const [state, count] of Object.entries(flow.counts)) {
      const own = nodes.filter(({ run, role }) => run?.state === state && role !== 'rollback')
      if (flow.detached === 0) assert.equal(count, own.length, `how many are ${state}`)
    }
    for (const node of nodes) await this.#checkNode(node, flow)
  }

  #checkEnd(flow: Workflow, value: { readonly is: unknown } | undefined): void {
    if (value !== undefined && !this.#isStopped) {
      assert.equal(flow.state, 'completed')
      assert.deepEqual(alike(flow.result), alike(value.is))
    }
    if (flow.state === 'completed') {
      assert.ok(value, 'what did not complete has no result')
      assert.deepEqual(alike(flow.result), alike(value.is))
    } else
      assert.equal(
        flow.state === 'cancelled',
        this.#isStopped || flow.failure?.state === 'cancelled',
      )
  }

  async #checkNode({ node, run, role }: WorkflowNode, { detached }: Workflow): Promise<void> {
    if (!run || role === 'rollback') return
    const isReached = this.#oracle.reached.has(node)
    if (run.workflow === null) return
    assert.ok(isFinal(run.state), `node ${node} has ended`)
    const given = this.#fates.get(node)?.given ?? []
    if (!isReached && detached === 0)
      assert.deepEqual(given, [], `node ${node} was started before its turn`)
    const feed = await Array.fromAsync(this.#client.run(run.id).events({ follow: false }))
    const wakes = feed.filter(({ type, data }) => type === 'wake' && data['by'] === 'run')
    assert.ok(wakes.length <= 1, `the turn of node ${node} came ${wakes.length} times`)
    const tag = run.tags.find((one) => /^t\d+$/.test(one))
    if (tag === undefined) return
    const told = (on: string): number => this.#hooks.get(`${on} ${tag}`) ?? 0
    assert.ok(told('completed') <= 1 && told('failed') <= 2, `the hooks of node ${node}`)
    if (run.state !== 'completed') assert.equal(told('completed'), 0)
    if (run.state === 'completed' && this.#kept.size === 0) assert.equal(told('failed'), 0)
  }
}

const memberOf = ({ workflow, node }: ClaimedRun): Pick<RunEventCall, 'member'> =>
  workflow === null || node === null ? {} : { member: { workflow, node } }
