/** What may happen, as data that fast-check makes and shrinks. Runs, claims and signals are named by a number that is taken modulo how many there are. */
import { onConflicts } from '../../src/core/run/on-conflict.ts'
import * as fc from 'fast-check'
import { rollbackCauses } from '../../src/core/run/run.ts'
import { stopVerbs } from '../../src/core/run/transitions.ts'
import { reports } from './model.ts'

const which = fc.nat({ max: 20 })
const worker = fc.nat({ max: 1 })
const signalName = fc.constantFrom('x' as const, 'y' as const)

const enqueue = fc.record({
  do: fc.constant('enqueue' as const),
  key: fc.constantFrom(null, null, 'a', 'b'),
  onConflict: fc.constantFrom(...onConflicts),
  priority: fc.nat({ max: 2 }),
  delayMs: fc.constantFrom(0, 0, 0, 200),
  ttlMs: fc.constantFrom(null, null, null, 500),
  deadlineMs: fc.constantFrom(null, null, null, null, 700),
})
const claim = fc.record({
  do: fc.constant('claim' as const),
  worker,
  limit: fc.integer({ min: 1, max: 3 }),
})
const report = fc.record({
  do: fc.constant('report' as const),
  /** Counted from the newest claim, so that most are of attempts that still run. */
  claim: which,
  what: fc.constantFrom(
    ...reports,
    ...(['complete', 'fail', 'park', 'wait', 'wait', 'checkpoint'] as const),
  ),
  heard: fc.boolean(),
  /** Whether the worker shows the place that its claim gave, for which the store has a shortcut. */
  hasPlace: fc.boolean(),
  isRetryable: fc.constantFrom(true, true, false),
  /** Whether something was kept, and whether the handler is through with its oldest signal. */
  saves: fc.boolean(),
  consumes: fc.constantFrom(false, false, true),
  /** For a wait: for a signal, or for a time alone. */
  waitsFor: fc.option(signalName),
  wakeInMs: fc.constantFrom(null, 100, 600),
  /** Whether the oldest signal of that name was taken by a wait before. */
  took: fc.boolean(),
})
const verb = fc.record({
  do: fc.constant('verb' as const),
  run: which,
  verb: fc.constantFrom(...stopVerbs, 'pause' as const, 'pause' as const, 'resume' as const),
  rollback: fc.constantFrom(false, false, true),
  untilMs: fc.constantFrom(null, 100, 600),
})
const signal = fc.record({ do: fc.constant('signal' as const), run: which, name: signalName })
const renew = fc.record({ do: fc.constant('renew' as const), worker })
/** The worker's process dies, and another takes its place: the old lease goes on until it lapses. */
const replaceWorker = fc.record({ do: fc.constant('replace-worker' as const), worker })
/** Time passes, and somebody sweeps; or nobody does yet. */
const pass = fc.record({
  do: fc.constantFrom('pass' as const, 'pass' as const, 'wait' as const),
  ms: fc.constantFrom(1, 100, 300, 600, 1000),
})
/** The task is held as a whole, or no longer. */
const lift = fc.record({ do: fc.constant('lift' as const) })
const hold = fc.record({
  do: fc.constant('hold' as const),
  inFlight: fc.constantFrom('finish' as const, 'park' as const, 'cancel' as const),
  untilMs: fc.constantFrom(null, 300),
})

/** What may be called in one turn of the event loop, so that the store writes it together. */
const call = fc.oneof(
  { arbitrary: enqueue, weight: 4 },
  { arbitrary: claim, weight: 5 },
  { arbitrary: report, weight: 7 },
  { arbitrary: verb, weight: 4 },
  { arbitrary: signal, weight: 2 },
  { arbitrary: renew, weight: 1 },
)
/** What needs the calls before it to be over. */
const barrier = fc.oneof(
  { arbitrary: pass, weight: 8 },
  { arbitrary: replaceWorker, weight: 3 },
  { arbitrary: hold, weight: 1 },
  { arbitrary: lift, weight: 1 },
)

export const steps = fc.array(
  fc.oneof(
    { arbitrary: fc.record({ calls: fc.array(call, { minLength: 1, maxLength: 4 }) }), weight: 4 },
    { arbitrary: fc.record({ barrier }), weight: 1 },
  ),
  { minLength: 1, maxLength: 30, size: 'max' },
)

/** After what the task wants to be rolled back. */
export const rollbackOn = fc.oneof(
  fc.constant<(typeof rollbackCauses)[number][]>([]),
  fc.subarray([...rollbackCauses]),
)

type Of<T> = T extends fc.Arbitrary<infer Value> ? Value : never
export type Call = Of<typeof call>
export type Barrier = Of<typeof barrier>
export type Step = Of<typeof steps>[number]
