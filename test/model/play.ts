/** Plays steps on the store and on the model, and holds the one against the other after each. */
import assert from 'node:assert/strict'
import { isCheckreinError } from '../../src/core/errors.ts'
import type { MachineEvent } from '../../src/core/events.ts'
import type { StoredRun } from '../../src/core/run.ts'
import { isFinal, stopVerbs } from '../../src/core/transitions.ts'
import { retry, eventOf } from '../core/samples.ts'
import type { Store } from '../../src/store/store.ts'
import { plainRun, plainWorker, type StoreBed } from '../store/bed.ts'
import type { Barrier, Call, Step } from './actions.ts'
import {
  type Claimed,
  isOver,
  leaseMs,
  Model,
  type ModelRun,
  mostCrashes,
  mostFailures,
  retryMs,
} from './model.ts'

const policy = { ...retry, attempts: mostFailures, crashes: mostCrashes, delayMs: retryMs }
let gameCount = 0

export interface Played {
  readonly steps: readonly Step[]
  /** Claims overtake other calls in this store: what comes before one is awaited first. */
  readonly claimsApart: boolean
}

/** The calls in order, each claim by itself. */
function apart(calls: readonly Call[]): Call[][] {
  const groups: Call[][] = [[]]
  for (const call of calls) {
    if (call.do === 'claim') groups.push([call], [])
    else groups.at(-1)?.push(call)
  }
  return groups
}

export class Game {
  readonly #bed: StoreBed
  /** Another store on the same file: the sweeps come from elsewhere. */
  readonly #keeper: Store
  readonly #model: Model
  readonly #task = `game-${++gameCount}`
  readonly #workers: string[] = []
  readonly #places = new Map<string, number>()
  #workerCount = 0
  #runCount = 0
  #before = new Map<string, StoredRun>()

  /** Plays the steps, and then lets every run come to its end. */
  static async play(bed: StoreBed, keeper: Store, { steps, claimsApart }: Played): Promise<void> {
    const game = new Game(bed, keeper)
    for (const at of [0, 1]) await game.#startWorker(at)
    for (const step of steps) {
      if ('barrier' in step) await game.#barrier(step.barrier)
      else
        for (const calls of claimsApart ? apart(step.calls) : [step.calls])
          await Promise.all(calls.map((call) => game.#call(call)))
      await game.#compare()
    }
    await game.#finish()
  }

  private constructor(bed: StoreBed, keeper: Store) {
    this.#bed = bed
    this.#keeper = keeper
    this.#model = new Model(bed.clock.at)
  }

  async #startWorker(at: number): Promise<void> {
    const id = `${this.#task}-w${++this.#workerCount}`
    this.#workers[at] = id
    this.#model.register(id)
    const tasks = { [this.#task]: { isolation: 'inline', maxCrashes: mostCrashes } }
    await this.#bed.store.registerWorker({ ...plainWorker, id, tasks, leaseMs })
  }

  async #barrier(barrier: Barrier): Promise<void> {
    if (barrier.do === 'replace-worker') return this.#startWorker(barrier.worker)
    this.#model.now += barrier.ms
    this.#bed.clock.advance(barrier.ms)
    if (barrier.do === 'wait') return
    this.#model.sweep()
    await this.#keeper.housekeep()
  }

  /** The model answers at once, the store when it has written: the order of the calls is the order of the model. */
  async #call(call: Call): Promise<void> {
    const [expected, actual] = this.#begin(call)
    assert.deepEqual(await actual, expected, JSON.stringify(call))
  }

  #begin(call: Call): readonly [expected: unknown, actual: Promise<unknown>] {
    switch (call.do) {
      case 'enqueue':
        return this.#enqueue(call)
      case 'claim':
        return this.#claim(this.#workers[call.worker] ?? '', call.limit)
      case 'renew': {
        const worker = this.#workers[call.worker] ?? ''
        return [this.#model.renew(worker), this.#bed.store.renewLease(worker)]
      }
      case 'report':
        return this.#report(call)
      case 'verb':
        return this.#verb(call)
    }
  }

  #enqueue({ key, onConflict, priority, delayMs, ttlMs }: Extract<Call, { do: 'enqueue' }>) {
    const { now } = this.#model
    const id = `${this.#task}-r${++this.#runCount}`
    const runAt = delayMs > 0 ? now + delayMs : null
    const expiresAt = ttlMs === null ? null : now + ttlMs
    const expected = this.#model.enqueue({ id, key, priority, runAt, expiresAt }, onConflict)
    const due = delayMs > 0 ? { inMs: delayMs } : null
    const run = { ...plainRun, id, task: this.#task, key, onConflict, priority, due, ttlMs }
    const actual = this.#bed.store.enqueue([run]).then(([one]) => one?.outcome)
    return [expected, actual] as const
  }

  #claim(workerId: string, limit: number) {
    const request = { workerId, queues: ['default'], tasks: [this.#task], limit }
    const holders = this.#liveHolders()
    const expected = this.#model.claim(workerId, limit)
    for (const id of expected ?? []) assert.ok(!holders.has(id), `${id} has two live holders`)
    const actual = this.#bed.store.claim(request).then(
      (runs) => {
        for (const { id, seq } of runs) this.#places.set(id, seq)
        return runs.map(({ id }) => id)
      },
      (error: unknown) =>
        isCheckreinError(error) && error.code === 'LEASE_LOST' ? null : Promise.reject(error),
    )
    return [expected, actual] as const
  }

  #liveHolders(): Set<string> {
    const held = this.#model.runs.filter(
      ({ worker }) => worker !== null && this.#model.isLive(worker),
    )
    return new Set(held.map(({ id }) => id))
  }

  #report({ claim: back, what, heard, isRetryable, hasPlace }: Extract<Call, { do: 'report' }>) {
    const { claims } = this.#model
    const claim: Claimed = claims.at(-1 - (back % Math.max(1, claims.length))) ?? {
      runId: 'nobody',
      attempt: 1,
      workerId: 'nobody',
    }
    const expected = this.#model.report(claim, what, { heard, isRetryable })
    const plain = eventOf(what, claim)
    const event = {
      ...plain,
      ...('deliveredAt' in plain && what !== 'deliver'
        ? { deliveredAt: heard ? this.#model.now : null }
        : {}),
      ...('retry' in plain ? { retry: policy, isRetryable } : {}),
    } as MachineEvent
    const seq = hasPlace ? this.#places.get(claim.runId) : undefined
    const call = { runId: claim.runId, event, ...(seq === undefined ? {} : { seq }) }
    const actual = this.#bed.store.apply([call]).then(([answer]) => answer)
    return [expected, actual] as const
  }

  #verb({ run: which, verb }: Extract<Call, { do: 'verb' }>) {
    const { runs } = this.#model
    const run = runs[which % Math.max(1, runs.length)]
    const expected = run ? this.#asked(run, verb) : 'not-found'
    const target = { ids: [run?.id ?? `${this.#task}-nobody`] }
    const request = { verb, target, reason: null, by: null, graceMs: 100, tombstoneMs: 0 }
    const actual = this.#bed.store.control(request).then(([one]) => one?.answer)
    return [expected, actual] as const
  }

  #asked(run: ModelRun, verb: Extract<Call, { do: 'verb' }>['verb']): string {
    if (verb === 'pause') return this.#model.pause(run)
    return verb === 'resume' ? this.#model.resume(run) : this.#model.stop(run, verb)
  }

  async #stored(): Promise<readonly StoredRun[]> {
    const page = { limit: 1000, cursor: null, order: 'oldest' } as const
    return (await this.#bed.store.list({ task: this.#task }, page)).runs
  }

  async #compare(): Promise<void> {
    const stored = await this.#stored()
    assert.deepEqual(stored.map(seenInStore), this.#model.runs.map(seenInModel))
    for (const run of stored) this.#invariants(run, this.#before.get(run.id))
    const holders = stored.filter(
      (run) =>
        run.key !== null && this.#model.runs.some(({ id, holdsKey }) => id === run.id && holdsKey),
    )
    assert.equal(
      new Set(holders.map(({ key }) => key)).size,
      holders.length,
      'one holder for each key',
    )
    this.#before = new Map(stored.map((run) => [run.id, run]))
  }

  #invariants(run: StoredRun, before: StoredRun | undefined): void {
    if (!before) return
    if (isFinal(before.state)) assert.deepEqual(run, before, 'final is final')
    assert.ok(run.attempt >= before.attempt, 'attempts are counted up')
    if (run.attempt === before.attempt && run.state === 'running') {
      assert.ok(strength(run) >= strength(before), 'an intent never sinks')
    }
    const wasAsked = strength(before) > 0
    if (wasAsked) assert.equal(run.attempt, before.attempt, 'a revoked run never starts again')
  }

  /** Every run can end: time passes, what is parked is resumed, and a worker finishes what it gets. */
  async #finish(): Promise<void> {
    for (let round = 0; this.#model.runs.some((run) => !isOver(run)); round++) {
      assert.ok(round < 20, 'every run can end')
      await this.#barrier({ do: 'pass', ms: leaseMs })
      await this.#startWorker(0)
      for (const [at] of this.#model.runs.entries())
        await this.#call({ do: 'verb', run: at, verb: 'resume' })
      await this.#call({ do: 'claim', worker: 0, limit: 100 })
      const { claims } = this.#model
      for (const back of claims.keys()) {
        await this.#call({
          do: 'report',
          claim: back,
          what: 'complete',
          heard: false,
          isRetryable: true,
          hasPlace: back % 2 === 0,
        })
      }
      await this.#compare()
    }
    await this.#bed.store.prune({ completed: -1, failed: -1, cancelled: -1 }, 1000)
  }
}

function strength({ intent }: StoredRun): number {
  return intent?.stop ? stopVerbs.indexOf(intent.stop.verb) + 1 : 0
}

/** What both know of a run. */
function seenInStore(run: StoredRun): Record<string, unknown> {
  const { id, state, attempt, workerId, failures, crashes, intent, pausedFrom, waitsFor, stop } =
    run
  return {
    id,
    state,
    attempt,
    worker: workerId,
    failures,
    crashes,
    pausedFrom,
    waitsFor,
    asked: strength(run),
    isPausing: (intent?.pause ?? null) !== null,
    runAt: state === 'scheduled' ? run.runAt : null,
    isConfirmed: stop?.confirmed ?? null,
  }
}

function seenInModel(run: ModelRun): Record<string, unknown> {
  const { id, state, attempt, worker, failures, crashes, pausedFrom, waitsFor } = run
  const { asked, isPausing, isConfirmed } = run
  return {
    id,
    state,
    attempt,
    worker,
    failures,
    crashes,
    pausedFrom,
    waitsFor,
    asked,
    isPausing,
    runAt: state === 'scheduled' ? run.runAt : null,
    isConfirmed,
  }
}
