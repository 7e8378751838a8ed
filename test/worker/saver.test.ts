/** What an attempt keeps, on its way to a store that answers when the test says so. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { CheckreinError } from '../../src/index.ts'
import type { Saved } from '../../src/core/run/events.ts'
import type { Answer } from '../../src/core/run/decision.ts'
import type { RunEventCall, Store } from '../../src/store/store.ts'
import { nothing, Saver } from '../../src/worker/attempt/saver.ts'
import { eventually } from '../support/bed.ts'

class Held {
  readonly written: Saved[] = []
  readonly told: (readonly [number: number, code: string | null])[] = []
  readonly saver: Saver
  readonly #answers: ((answer: Answer | CheckreinError) => void)[] = []

  constructor() {
    const apply = async (calls: readonly RunEventCall[]): Promise<readonly Answer[]> => {
      const event = calls[0]?.event
      if (event?.type !== 'checkpoint') throw new Error('not a checkpoint')
      this.written.push({ checkpoint: event.checkpoint, signals: event.signals })
      const answer = await new Promise<Answer | CheckreinError>((resolve) =>
        this.#answers.push(resolve),
      )
      if (answer instanceof CheckreinError) throw answer
      return [answer]
    }
    this.saver = new Saver({
      store: { apply } as unknown as Store,
      fence: { runId: 'r', attempt: 1, workerId: 'w' },
      seq: 1,
      onSaved: (number, error) => this.told.push([number, error?.code ?? null]),
      onError: () => undefined,
    })
  }

  /** The store answers the write that waits longest. */
  async answer(answer: Answer | CheckreinError = 'done'): Promise<void> {
    await eventually(() => this.#answers.length > 0, 'a write')
    this.#answers.shift()?.(answer)
  }

  async tells(count: number): Promise<void> {
    await eventually(() => this.told.length >= count, `${count} numbers`)
  }
}

const state = (checkpoint: string): Saved => ({ checkpoint, signals: [] })
const signal = (position: number): Saved => ({
  checkpoint: null,
  signals: [{ position, reply: null, error: null }],
})

suite('what an attempt keeps', () => {
  test('is written one at a time, the newest state with all signals', async () => {
    const held = new Held()
    held.saver.save(state('1'), 1)
    held.saver.save(signal(7), 2)
    held.saver.save(state('3'), 3)
    await held.answer()
    await held.tells(1)
    assert.deepEqual(held.written, [{ checkpoint: '3', signals: signal(7).signals }])
    assert.deepEqual(held.told, [[3, null]])
    held.saver.save(state('4'), 4)
    await held.answer()
    await held.tells(2)
    assert.deepEqual(held.told.at(-1), [4, null])
  })

  test('may be nothing: that is told in its turn, without a write, and what comes later is written', async () => {
    const held = new Held()
    held.saver.save(nothing, 1)
    await held.tells(1)
    held.saver.save(state('2'), 2)
    await eventually(() => held.written.length === 1, 'a write')
    held.saver.save(nothing, 3)
    await held.answer()
    await held.tells(3)
    assert.deepEqual(
      [held.told, held.written],
      [
        [
          [1, null],
          [2, null],
          [3, null],
        ],
        [state('2')],
      ],
    )
  })

  test('is tried again where the store was busy, with what came meanwhile', async () => {
    const held = new Held()
    held.saver.save(signal(1), 1)
    await eventually(() => held.written.length === 1, 'a write')
    held.saver.save(state('2'), 2)
    await held.answer(new CheckreinError('STORE_BUSY'))
    await held.answer()
    await held.tells(1)
    assert.deepEqual(held.written[1], { checkpoint: '2', signals: signal(1).signals })
    assert.deepEqual(held.told, [[2, null]])
  })

  test('is refused where the attempt is not the current one any more', async () => {
    const held = new Held()
    held.saver.save(state('1'), 1)
    await held.answer('stale')
    await held.tells(1)
    assert.deepEqual(held.told, [[1, 'LEASE_LOST']])
  })

  test('goes with the end where it is not written by then', async () => {
    const held = new Held()
    held.saver.save(state('1'), 1)
    await eventually(() => held.written.length === 1, 'a write')
    held.saver.save(state('2'), 2)
    const left = held.saver.end()
    await held.answer(new CheckreinError('STORE_UNAVAILABLE'))
    assert.deepEqual(await left, state('2'))
    assert.equal(held.written.length, 1)
  })
})
