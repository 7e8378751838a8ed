/**
 * A run that calls its handler for each of a list of inputs, one after the other.
 *
 * The state that a handler keeps for its one input is kept beside the results before it, so the run goes on where it was. Between
 * two inputs there is a checkpoint, at which a pause or an abort takes effect.
 */
import { Buffer } from 'node:buffer'
import type { Context } from '../../core/task/context.ts'
import { CheckreinError } from '../../core/errors.ts'
import { encodePayload } from '../../core/payload.ts'
import { type EncodedState, SelfEncoding } from './attempt/checkpoints.ts'
import type { AttemptContext } from './context.ts'

/** The checkpoint of such a run: the results, and the state that the handler has kept for the next input. */
interface Kept {
  readonly results: readonly unknown[]
  readonly state?: unknown
}

type Call = (input: unknown, context: Context) => Promise<unknown>

/** The input as a list. @throws {CheckreinError} `INPUT_REJECTED` where it is none. */
export function listOf(input: unknown): readonly unknown[] {
  if (Array.isArray(input)) return input
  throw new CheckreinError('INPUT_REJECTED', {
    message: `A run for each of a list has ${input === null ? 'null' : typeof input} for its input`,
    hint: 'The step before a `map` must come to a list.',
  })
}

/** Calls the handler for each input. @returns the results, in the order of the inputs. */
export async function callEach(
  inputs: readonly unknown[],
  context: AttemptContext,
  call: Call,
): Promise<readonly unknown[]> {
  const kept = (context.state ?? { results: [] }) as Kept
  const results = new Results(kept.results)
  let { state } = kept
  for (const input of inputs.slice(kept.results.length)) {
    results.add(await call(input, contextFor(context, { results, state })))
    state = undefined
    await context.checkpoint(new SelfEncoding(() => results.with(undefined)))
  }
  return results.all
}

/** Results, and their JSON: each is encoded once, however often they are kept. */
class Results {
  readonly all: unknown[] = []
  #text = ''
  #bytes = 0

  constructor(kept: readonly unknown[]) {
    for (const result of kept) this.add(result)
  }

  /** @throws {CheckreinError} `PAYLOAD_NOT_JSON`. */
  add(result: unknown = null): void {
    const text = `${this.all.length > 0 ? ',' : ''}${encodePayload(result, 'result', Infinity)}`
    this.#text += text
    this.#bytes += Buffer.byteLength(text)
    this.all.push(result)
  }

  /** The JSON of the results with the state that a handler keeps. */
  with(state: unknown): EncodedState {
    const own =
      state === undefined ? '' : `,"state":${encodePayload(state, 'checkpoint', Infinity)}`
    const bytes = this.#bytes + Buffer.byteLength(own) + '{"results":[]}'.length
    return { text: `{"results":[${this.#text}]${own}}`, bytes }
  }
}

/** Calls the roll-back for each input that was done or begun, the last first. */
export async function undoEach(
  inputs: readonly unknown[],
  context: AttemptContext,
  call: Call,
): Promise<void> {
  const { results: kept = [], state } = (context.state ?? {}) as Partial<Kept>
  const returned = Array.isArray(context.result) ? context.result : null
  const results = new Results(returned ?? kept)
  const done = results.all.length
  const begun = returned === null && state !== undefined ? done + 1 : done
  for (let at = begun - 1; at >= 0; at--)
    await call(
      inputs[at],
      contextFor(context, { results, state: at === done ? state : undefined, undoes: at }),
    )
}

interface OwnContext {
  readonly results: Results
  readonly state: unknown
  /** The index of the input that is undone. */
  readonly undoes?: number
}

/** The context for one input: it has a state of its own, and all else is that of the run. */
function contextFor(context: AttemptContext, { results, undoes, ...given }: OwnContext): Context {
  let { state } = given
  const kept = (next: unknown): SelfEncoding =>
    new SelfEncoding(() => {
      const encoded = results.with(next)
      state = next
      return encoded
    })
  const checkpoint: Context['checkpoint'] = (next, options) =>
    context.checkpoint(next === undefined ? undefined : kept(next), options)
  const own: Readonly<Record<string, () => unknown>> = {
    state: () => state,
    checkpoint: () => checkpoint,
    ...(undoes === undefined ? {} : { result: () => results.all[undoes] }),
  }
  return new Proxy<Context>(context, {
    get: (target, name) =>
      typeof name === 'string' && Object.hasOwn(own, name)
        ? own[name]?.()
        : (Reflect.get(target, name, target) as unknown),
  })
}
