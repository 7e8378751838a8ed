/**
 * Random workflows, and an oracle: what a workflow must have come to, given what its runs came to. It knows nothing of how
 * the store keeps them; only that nodes are numbered in the order in which they are written, groups before their members.
 */
import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import { chain, group, step } from '../../src/core/workflow/canvas.ts'
import { previous, type StepLike } from '../../src/core/workflow/parts.ts'
import type { State } from '../../src/core/run/transitions.ts'
import { task } from '../../src/core/task/task.ts'
import type { AnyTask } from '../../src/core/task/context.ts'

export type Shape =
  | {
      readonly kind: 'run'
      readonly takes: 'given' | 'previous' | 'member'
      readonly hooked: boolean
      readonly ttl: boolean
    }
  | {
      readonly kind: 'chain'
      readonly steps: readonly Shape[]
      readonly every: number | null
      readonly clause: boolean
    }
  | { readonly kind: 'group'; readonly members: readonly Shape[]; readonly settled: boolean }

const depthIdentifier = fc.createDepthIdentifier()
const deep = { depthIdentifier, maxDepth: 4, depthSize: 'small' } as const

const run = fc.record({
  kind: fc.constant('run' as const),
  takes: fc.constantFrom('given' as const, 'previous' as const, 'member' as const),
  hooked: fc.boolean(),
  ttl: fc.constantFrom(false, false, false, true),
})

export const { shape } = fc.letrec<{ shape: Shape }>((tie) => ({
  shape: fc.oneof(
    deep,
    run,
    fc.record({
      kind: fc.constant('chain' as const),
      steps: fc.array(tie('shape'), { minLength: 1, maxLength: 4, depthIdentifier }),
      every: fc.constantFrom(null, null, 1, 2),
      clause: fc.constantFrom(false, false, true),
    }),
    fc.record({
      kind: fc.constant('group' as const),
      members: fc.array(tie('shape'), { maxLength: 4, depthIdentifier }),
      settled: fc.boolean(),
    }),
  ),
}))

const played = (): never => {
  throw new Error('is played')
}
const make = (name: string): AnyTask => task({ name, isolation: 'inline', run: played })
export const leaf = make('leaf')
export const clause = make('clause')
export const hook = make('hook')
export const names = [leaf, clause, hook].map(({ name }) => name)
export const ttlMs = 400

let tagCount = 0

/** What a shape is written as, by the canvas. */
export function written(shape: Shape): StepLike {
  switch (shape.kind) {
    case 'run': {
      const tag = `t${++tagCount}`
      const { takes, hooked, ttl } = shape
      const input = { given: { given: 7 }, previous, member: { more: 7, before: previous } }[takes]
      const told = (on: string): StepLike => step(hook, { on, tag, before: previous } as never)
      const hooks = hooked ? { onCompleted: told('completed'), onFailed: told('failed') } : {}
      return step(leaf, input as never, { ...hooks, tags: [tag], ...(ttl ? { ttl: ttlMs } : {}) })
    }
    case 'chain': {
      const { steps, every, clause: asks } = shape
      return chain(steps.map(written) as never, {
        ...(every === null ? {} : { pausePoints: { every } }),
        ...(asks ? { pauseWhen: clause } : {}),
      })
    }
    case 'group':
      return group(shape.members.map(written), {
        policy: shape.settled ? 'allSettled' : 'allCompleted',
      } as never)
  }
}

/** The same with numbers; chains in chains are one chain. */
type Numbered =
  | { readonly kind: 'run'; readonly node: number; readonly takes: string }
  | { readonly kind: 'group'; readonly members: readonly Link[][]; readonly settled: boolean }
interface Link {
  /** The run that is asked before it. */
  readonly clause: number | null
  readonly part: Numbered
}

/** What a run came to, and what it was given. */
export interface Fate {
  readonly state: State
  readonly result: unknown
  /** Inputs of its attempts. */
  readonly given: readonly unknown[]
}

/** What a part came to; `undefined`: it did not complete. */
type Value = { readonly is: unknown } | undefined

/** A value with what did not complete named alike: which of several it was is not for the oracle to say. */
export function alike(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(alike)
  if (typeof value !== 'object' || value === null) return value
  const { state } = value as { state?: unknown }
  if (state === 'failed' || state === 'cancelled') return 'did not complete'
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, alike(inner)]))
}

/** The result of a run that was given this. */
export function resultOf(node: number, input: unknown): number {
  let hash = node
  for (const char of JSON.stringify(alike(input)) ?? '-')
    hash = (Math.imul(hash, 31) + char.charCodeAt(0)) >>> 0
  return hash % 100_000
}

/** Whether a clause answers yes. */
export const answers = (input: unknown): boolean => resultOf(1, input) % 4 === 0

export class Oracle {
  readonly #root: readonly Link[]
  readonly #result: typeof resultOf
  #fates: ReadonlyMap<number, Fate> = new Map()
  /** Runs whose turn came. */
  readonly reached = new Set<number>()
  #count = 0

  /** @param result what a run comes to that was given an input; of the node alone that runs it, where that is known. */
  constructor(shape: Shape, result: typeof resultOf = resultOf) {
    this.#result = result
    this.#root = this.#links(shape)
  }

  get nodeCount(): number {
    return this.#count
  }

  /** What the workflow comes to where its runs came to this. @throws where one was given something else. */
  outcome(fates: ReadonlyMap<number, Fate>): Value {
    this.#fates = fates
    this.reached.clear()
    return this.#chain(this.#root, 100)
  }

  #links(shape: Shape): Link[] {
    const flat: { readonly asks: boolean; readonly part: Exclude<Shape, { kind: 'chain' }> }[] = []
    const add = (part: Shape, asks: boolean): void => {
      if (part.kind !== 'chain') return void flat.push({ asks, part })
      for (const [at, inner] of part.steps.entries())
        add(inner, at === 0 ? asks : part.clause && at % (part.every ?? 1) === 0)
    }
    add(shape, false)
    return flat.map(({ asks, part }) => {
      const clause = asks ? ++this.#count : null
      const node = ++this.#count
      if (part.kind === 'run') return { clause, part: { kind: 'run', node, takes: part.takes } }
      const members = part.members.map((member) => this.#links(member))
      return { clause, part: { kind: 'group', members, settled: part.settled } }
    })
  }

  #chain(links: readonly Link[], before: unknown): Value {
    let value: Value = { is: before }
    for (const { clause, part } of links) {
      if (clause !== null) {
        const answer = this.#run(clause, value.is)
        if (answer === undefined) return undefined
        assert.equal(answer.is, answers(value.is), `the clause ${clause} answers`)
      }
      value = part.kind === 'run' ? this.#step(part, value.is) : this.#group(part, value.is)
      if (value === undefined) return undefined
    }
    return value
  }

  #step({ node, takes }: Extract<Numbered, { kind: 'run' }>, before: unknown): Value {
    const input = { given: { given: 7 }, previous: before, member: { more: 7, before } }[takes]
    const value = this.#run(node, input)
    if (value) assert.equal(value.is, this.#result(node, input), `the result of node ${node}`)
    return value
  }

  #run(node: number, input: unknown): Value {
    this.reached.add(node)
    const fate = this.#fates.get(node)
    assert.ok(fate, `there is a run at node ${node}`)
    for (const given of fate.given)
      assert.deepEqual(alike(given), alike(input), `the input of node ${node}`)
    return fate.state === 'completed' ? { is: fate.result } : undefined
  }

  #group({ members, settled }: Extract<Numbered, { kind: 'group' }>, before: unknown): Value {
    const values = members.map((member) => this.#chain(member, before))
    if (!settled) {
      if (values.includes(undefined)) return undefined
      return { is: values.map((value) => value?.is) }
    }
    const all = values.map((value) =>
      value ? { state: 'completed', result: value.is } : { state: 'failed' },
    )
    return { is: all }
  }
}
