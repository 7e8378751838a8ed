/** Plays steps on the store and on the model, and holds the one against the other after each. */
import assert from 'node:assert/strict'
import { isCheckreinError } from '../../src/core/errors.ts'
import type { MachineEvent } from '../../src/core/run/events.ts'
import {
  type RollbackCause,
  statusOf,
  type StoredRun,
  type WaitOutcome,
} from '../../src/core/run/run.ts'
import { isFinal, stopVerbs } from '../../src/core/run/transitions.ts'
import type { Store } from '../../src/store/store.ts'
import { eventOf, retry } from '../core/samples.ts'
import { plainCall, plainRequest, plainRun, plainWorker, type StoreBed } from '../store/bed.ts'
import type { Barrier, Call, Step } from './actions.ts'
import {
  type Claimed,
  isOver,
  leaseMs,
  Model,
  type ModelRun,
  mostCrashes,
  mostFailures,
  type Outcome,
  type ReportDetails,
  retryMs,
} from './model.ts'

const policy = { ...retry, attempts: mostFailures, crashes: mostCrashes, delayMs: retryMs }
let gameCount = 0

export interface Played {
  readonly steps: readonly Step[]
  /** After what the task wants to be rolled back. */
  readonly rollbackOn: readonly RollbackCause[]
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
  readonly #rollbackOn: readonly RollbackCause[]
  /** The places that the store gave to the signals of each run, in their order. */
  readonly #positions = new Map<string, number[]>()
  #workerCount = 0
  #runCount = 0
  /** What was expected of the signals of each run when they were last compared. */
  readonly #compared = new Map<string, string>()
  #checkpointCount = 0
  #knownClaims = 0
  #hold: string | null = null
  #before = new Map<string, StoredRun>()

  /** Plays the steps, and then lets every run come to its end. */
  static async play(bed: StoreBed, keeper: Store, played: Played): Promise<void> {
    const { steps, claimsApart, rollbackOn } = played
    const game = new Game(bed, keeper, rollbackOn)
    for (const at of [0, 1]) await game.#startWorker(at)
    for (const step of steps) {
      if ('barrier' in step) await game.#barrier(step.barrier)
      else
        for (const calls of claimsApart ? apart(step.calls) : [step.calls]) await game.#turn(calls)
      await game.#compare()
    }
    await game.#finish()
  }

  private constructor(bed: StoreBed, keeper: Store, rollbackOn: readonly RollbackCause[]) {
    this.#bed = bed
    this.#keeper = keeper
    this.#rollbackOn = rollbackOn
    this.#model = new Model(bed.clock.at, rollbackOn)
  }

  /** Calls in one turn of the event loop. A worker knows of a claim when it has the answer. */
  async #turn(calls: readonly Call[]): Promise<void> {
    this.#knownClaims = this.#model.claims.length
    await Promise.all(calls.map((call) => this.#call(call)))
  }

  async #startWorker(at: number): Promise<void> {
    const id = `${this.#task}-w${++this.#workerCount}`
    this.#workers[at] = id
    this.#model.register(id)
    const rollbackOn = this.#rollbackOn
    const tasks = { [this.#task]: { isolation: 'inline', maxCrashes: mostCrashes, rollbackOn } }
    await this.#bed.store.registerWorker({ ...plainWorker, id, tasks, leaseMs })
  }

  async #barrier(barrier: Barrier): Promise<void> {
    if (barrier.do === 'replace-worker') return this.#startWorker(barrier.worker)
    if (barrier.do === 'hold') return this.#putHold(barrier)
    if (barrier.do === 'lift') return this.#lift()
    this.#model.now += barrier.ms
    this.#bed.clock.advance(barrier.ms)
    if (barrier.do === 'wait') return
    this.#model.sweep()
    await this.#keeper.housekeep()
  }

  async #putHold({ inFlight, untilMs }: Extract<Barrier, { do: 'hold' }>): Promise<void> {
    this.#model.hold(inFlight, untilMs === null ? null : this.#model.now + untilMs)
    const { graceMs, pause, ...who } = plainCall()
    const { withinMs, otherwise } = pause
    const how = { verb: 'pause', filter: { task: this.#task }, inFlight, graceMs } as const
    const until = untilMs === null ? null : { inMs: untilMs }
    const order = { ...how, until, rollback: false, pause: { withinMs, otherwise } }
    this.#hold = (await this.#bed.store.hold({ ...who, ...order })).id
  }

  async #lift(): Promise<void> {
    if (this.#hold === null) return
    this.#model.lift()
    await this.#bed.store.lift({ id: this.#hold }, plainCall())
    this.#hold = null
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
      case 'signal':
        return this.#signal(call)
    }
  }

  #enqueue({ delayMs, ttlMs, deadlineMs, ...rest }: Extract<Call, { do: 'enqueue' }>) {
    const { key, onConflict, priority } = rest
    const { now } = this.#model
    const id = `${this.#task}-r${++this.#runCount}`
    const runAt = delayMs > 0 ? now + delayMs : null
    const expiresAt = ttlMs === null ? null : now + ttlMs
    const deadlineAt = deadlineMs === null ? null : now + deadlineMs
    const times = { runAt, expiresAt, deadlineAt }
    const expected = this.#model.enqueue({ id, key, priority, ...times }, onConflict)
    const deadline = deadlineMs === null ? null : { inMs: deadlineMs }
    const due = delayMs > 0 ? { inMs: delayMs } : null
    const run = {
      ...plainRun,
      id,
      task: this.#task,
      key,
      onConflict,
      priority,
      due,
      ttlMs,
      deadline,
    }
    const actual = this.#bed.store.enqueue([run]).then(([one]) => one?.outcome)
    return [expected, actual] as const
  }

  #claim(workerId: string, limit: number) {
    const request = { workerId, queues: ['default'], tasks: [this.#task], limit }
    const holders = this.#liveHolders()
    const expected = this.#model.claim(workerId, limit)
    for (const [id] of expected ?? []) assert.ok(!holders.has(id), `${id} has two live holders`)
    const actual = this.#bed.store.claim(request).then(
      (runs) => {
        for (const { id, seq } of runs) this.#places.set(id, seq)
        return runs.map((run) => [run.id, run.checkpoint === null ? null : Number(run.checkpoint)])
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

  #report(call: Extract<Call, { do: 'report' }>) {
    const { claim: back, what, heard, isRetryable, hasPlace } = call
    const claims = this.#model.claims.slice(0, this.#knownClaims)
    const claim: Claimed = claims.at(-1 - (back % Math.max(1, claims.length))) ?? {
      runId: 'nobody',
      attempt: 1,
      workerId: 'nobody',
    }
    const details = this.#detailsOf(call, claim.runId)
    const event = this.#eventOf(call, { claim, details })
    const expected = this.#model.report(claim, what, { heard, isRetryable, ...details })
    const seq = hasPlace ? this.#places.get(claim.runId) : undefined
    const reported = { runId: claim.runId, event, ...(seq === undefined ? {} : { seq }) }
    const actual = this.#bed.store.apply([reported]).then(([answer]) => answer)
    return [expected, actual] as const
  }

  /** What a handler says with it: of signals, it knows only those that were sent before this turn. */
  #detailsOf(
    { saves, consumes, waitsFor, wakeInMs, took }: Extract<Call, { do: 'report' }>,
    runId: string,
  ): Omit<ReportDetails, 'heard' | 'isRetryable'> {
    const run = this.#model.runs.find(({ id }) => id === runId)
    const known = this.#positions.get(runId)?.length ?? 0
    const open = (run?.signals ?? []).flatMap(({ state }, at) =>
      state === 'open' && at < known ? [at] : [],
    )
    const through = consumes ? open.slice(0, 1) : []
    const [oldest] = took ? open.filter((at) => run?.signals[at]?.name === waitsFor) : []
    const done = saves ? [] : (run?.waits ?? [])
    const wait = {
      signal: waitsFor,
      wakeInMs,
      done: oldest === undefined ? done : [...done, oldest],
    }
    return { checkpoint: saves ? ++this.#checkpointCount : null, through, wait }
  }

  #eventOf(
    { what, heard, isRetryable }: Extract<Call, { do: 'report' }>,
    {
      claim,
      details: { checkpoint, through, wait },
    }: {
      readonly claim: Claimed
      readonly details: Omit<ReportDetails, 'heard' | 'isRetryable'>
    },
  ): MachineEvent {
    const type = what === 'pause-overdue' ? 'overdue' : what
    const plain = eventOf(type, claim)
    const positions = this.#positions.get(claim.runId) ?? []
    const signals = through.map((at) => ({
      position: positions[at] ?? 0,
      reply: null,
      error: null,
    }))
    const saved = { checkpoint: checkpoint === null ? null : `${checkpoint}`, signals }
    const now = this.#model.now
    if (type === 'checkpoint') return { ...plain, ...saved }
    const isKept = leaving.has(type) && (checkpoint !== null || signals.length > 0)
    const done = wait.done.map((one): WaitOutcome =>
      typeof one === 'number' ? (positions[one] ?? 0) : one,
    )
    return {
      ...plain,
      ...('deliveredAt' in plain && type !== 'deliver' ? { deliveredAt: heard ? now : null } : {}),
      ...('retry' in plain ? { retry: policy, isRetryable } : {}),
      ...(what === 'pause-overdue' ? { of: 'pause' } : {}),
      ...(type === 'wait' ? { ...wait, done, waitsFor: null } : {}),
      ...(isKept ? { saved } : {}),
      rollbackOn: this.#rollbackOn,
    } as MachineEvent
  }

  #verb({ run: which, verb, rollback, untilMs }: Extract<Call, { do: 'verb' }>) {
    const { runs, now } = this.#model
    const run = runs[which % Math.max(1, runs.length)]
    const until = untilMs === null ? null : now + untilMs
    const expected = run ? this.#asked(run, verb, { rollback, until }) : 'not-found'
    const target = { ids: [run?.id ?? `${this.#task}-nobody`] }
    const pause = { ...plainRequest.pause, until: untilMs === null ? null : { inMs: untilMs } }
    const request = { ...plainCall(), verb, target, graceMs: 100, tombstoneMs: 0, rollback, pause }
    const actual = this.#bed.store.control(request).then(([one]) => one?.answer)
    return [expected, actual] as const
  }

  #signal({ run: which, name }: Extract<Call, { do: 'signal' }>) {
    const { runs } = this.#model
    const run = runs[which % Math.max(1, runs.length)]
    const expected = run ? this.#model.signal(run, name) : 'not-found'
    const { callId, reason, by, origin } = plainCall()
    const message = { callId, reason, by, origin, name, payload: null }
    const target = { ids: [run?.id ?? `${this.#task}-nobody`] }
    const actual = this.#bed.store.signal({ ...message, target }).then(([one]) => {
      if (run && one?.answer === 'sent')
        this.#positions.set(run.id, [...(this.#positions.get(run.id) ?? []), one.position ?? 0])
      return one?.answer
    })
    return [expected, actual] as const
  }

  #asked(
    run: ModelRun,
    verb: Extract<Call, { do: 'verb' }>['verb'],
    { rollback, until }: { readonly rollback: boolean; readonly until: number | null },
  ): string {
    if (verb === 'pause') return this.#model.pause(run, until)
    return verb === 'resume' ? this.#model.resume(run) : this.#model.stop(run, verb, rollback)
  }

  async #stored(): Promise<readonly StoredRun[]> {
    const page = { limit: 1000, cursor: null, order: 'oldest' } as const
    return (await this.#bed.store.list({ task: this.#task }, page)).runs
  }

  async #compare(): Promise<void> {
    const stored = await this.#stored()
    const seen = stored.map((run) => seenInStore(run, this.#positions.get(run.id) ?? []))
    assert.deepEqual(seen, this.#model.runs.map(seenInModel))
    for (const run of this.#model.runs) await this.#compareSignals(run)
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

  /** What the handler has still to deal with, and what nobody will. */
  async #compareSignals({ id, signals }: ModelRun): Promise<void> {
    const positions = this.#positions.get(id)
    const expected = JSON.stringify(signals)
    if (!positions || this.#compared.get(id) === expected) return
    this.#compared.set(id, expected)
    const rows = await this.#bed.store.signals(
      { runId: id, kinds: ['signal'] },
      { after: -1, limit: 1000 },
    )
    const sent = rows.filter(({ answer }) => answer === 'sent')
    assert.deepEqual(
      sent.map(({ position }) => position),
      positions,
      'in their order',
    )
    assert.deepEqual(
      sent.map(({ name, completedAt, error }) => ({
        name,
        state: error ? 'unheard' : completedAt === null ? 'open' : 'finished',
      })),
      signals,
    )
    const kept = await this.#bed.store.mailbox(id, -1)
    assert.deepEqual(
      kept.map(({ position }) => position),
      positions.filter((_, at) => signals[at]?.state === 'open'),
    )
  }

  #invariants(run: StoredRun, before: StoredRun | undefined): void {
    if (!before) return
    if (isFinal(before.state)) assert.deepEqual(run, before, 'final is final')
    assert.ok(run.attempt >= before.attempt, 'attempts are counted up')
    if (run.attempt === before.attempt && run.state === 'running') {
      assert.ok(strength(run) >= strength(before), 'an intent never sinks')
    }
    const wasAsked = strength(before) > 0
    if (wasAsked && run.rollback === null)
      assert.equal(run.attempt, before.attempt, 'a revoked run never starts again')
    if (before.rollback) assert.ok(run.rollback, 'what is rolled back stays so')
  }

  /** Resumes it, and sends what it may wait for; a roll-back that waits for what never comes is given up. */
  async #urge(run: number, round: number): Promise<void> {
    const verb = { do: 'verb', run, rollback: false, untilMs: null } as const
    await this.#call({ ...verb, verb: 'resume' })
    for (const name of ['x', 'y'] as const) await this.#call({ do: 'signal', run, name })
    if (round > 5) await this.#call({ ...verb, verb: 'terminate' })
  }

  /** Every run can end: time passes, what is parked is resumed, and a worker finishes what it gets. */
  async #finish(): Promise<void> {
    for (let round = 0; this.#model.runs.some((run) => !isOver(run)); round++) {
      assert.ok(round < 20, 'every run can end')
      await this.#lift()
      await this.#barrier({ do: 'pass', ms: leaseMs })
      await this.#startWorker(0)
      for (const [at] of this.#model.runs.entries()) await this.#urge(at, round)
      await this.#call({ do: 'claim', worker: 0, limit: 100 })
      const { claims } = this.#model
      this.#knownClaims = claims.length
      for (const back of claims.keys()) {
        await this.#call({
          do: 'report',
          claim: back,
          what: 'complete',
          heard: false,
          isRetryable: true,
          hasPlace: back % 2 === 0,
          ...silent,
        })
      }
      await this.#compare()
    }
    this.#compared.clear()
    await this.#compare()
    await this.#bed.store.prune({ completed: -1, failed: -1, cancelled: -1, audit: -1 }, 1000)
  }
}

/** Ends of an attempt: what the handler kept last goes with them. */
const leaving = new Set<string>(['complete', 'fail', 'crash', 'stop', 'release', 'park', 'wait'])

/** A handler that keeps nothing. */
const silent = {
  saves: false,
  consumes: false,
  waitsFor: null,
  wakeInMs: null,
  took: false,
} as const

function strength({ intent }: StoredRun): number {
  return intent?.stop ? stopVerbs.indexOf(intent.stop.verb) + 1 : 0
}

/** What both know of a run. */
function seenInStore(run: StoredRun, positions: readonly number[]): Record<string, unknown> {
  const { id, state, attempt, workerId, failures, crashes, intent, pausedFrom, waitsFor, stop } =
    run
  const { wait, rollback } = run
  const outcomeOf = (one: WaitOutcome): Outcome =>
    typeof one === 'number' ? positions.indexOf(one) : (one as Outcome)
  return {
    id,
    state,
    status: statusOf(run),
    attempt,
    worker: workerId,
    failures,
    crashes,
    pausedFrom,
    waitsFor,
    asked: strength(run),
    isPausing: (intent?.pause ?? null) !== null,
    isHeldBy: (intent?.pause?.holdId ?? null) !== null,
    resumeAt: run.resumeAt,
    deadlineAt: isFinal(state) ? null : run.deadlineAt,
    runAt: state === 'scheduled' ? run.runAt : null,
    awaits: wait?.signal ?? null,
    waits: wait?.done.map(outcomeOf) ?? null,
    wakeAt: run.wakeAt,
    hasCheckpoint: run.checkpointAt !== null,
    rollback: rollback && {
      state: rollback.state,
      failures: rollback.failures,
      crashes: rollback.crashes,
    },
    isConfirmed: (rollback?.stop ?? stop)?.confirmed ?? null,
  }
}

function seenInModel(run: ModelRun): Record<string, unknown> {
  const { id, state, attempt, worker, failures, crashes, pausedFrom, waitsFor } = run
  const { asked, resumeAt, awaits, waits, wakeAt, isConfirmed, rollback } = run
  return {
    id,
    state,
    status: statusInModel(run),
    attempt,
    worker,
    failures,
    crashes,
    pausedFrom,
    waitsFor,
    asked,
    isPausing: run.pausing !== null,
    isHeldBy: run.pausing === 'hold',
    resumeAt,
    deadlineAt: isOver(run) ? null : run.deadlineAt,
    runAt: state === 'scheduled' ? run.runAt : null,
    awaits,
    waits,
    wakeAt,
    hasCheckpoint: run.checkpoint !== null,
    rollback: rollback && {
      state: rollback.state,
      failures: rollback.failures,
      crashes: rollback.crashes,
    },
    isConfirmed,
  }
}

function statusInModel(run: ModelRun): string {
  if (isOver(run)) return run.state
  if (run.isStopOverdue) return 'unresponsive'
  if (run.asked > 1) return 'cancelling'
  if (run.rollback) return 'rolling back'
  if (run.pausing === null) return run.state
  if (run.isFrozen) return 'frozen'
  return run.isPauseOverdue ? 'pausing (overdue)' : 'pausing'
}
