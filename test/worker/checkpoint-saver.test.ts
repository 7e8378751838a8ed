/** What an attempt keeps, on its way to a store that answers when the test says so. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { CheckreinError } from '../../src/index.ts'
import type { Saved } from '../../src/core/run/events.ts'
import type { Answer } from '../../src/core/run/decision.ts'
import type { RunEventCall } from '../../src/store/store.ts'
import { nothing, CheckpointSaver } from '../../src/worker/attempt/checkpoint-saver.ts'
import { eventually } from '../support/bed.ts'

class SlowStore {
  readonly written: Saved[] = []
  readonly told: (readonly [number: number, code: string | null])[] = []
  readonly saver: CheckpointSaver
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
    this.saver = new CheckpointSaver({
      store: { apply },
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
    const slow = new SlowStore()
    slow.saver.save(state('1'), 1)
    slow.saver.save(signal(7), 2)
    slow.saver.save(state('3'), 3)
    await slow.answer()
    await slow.tells(1)
    assert.deepEqual(slow.written, [{ checkpoint: '3', signals: signal(7).signals }])
    assert.deepEqual(slow.told, [[3, null]])
    slow.saver.save(state('4'), 4)
    await slow.answer()
    await slow.tells(2)
    assert.deepEqual(slow.told.at(-1), [4, null])
  })

  test('may be nothing: that is told in its turn, without a write, and what comes later is written', async () => {
    const slow = new SlowStore()
    slow.saver.save(nothing, 1)
    await slow.tells(1)
    slow.saver.save(state('2'), 2)
    await eventually(() => slow.written.length === 1, 'a write')
    slow.saver.save(nothing, 3)
    await slow.answer()
    await slow.tells(3)
    assert.deepEqual(
      [slow.told, slow.written],
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
    const slow = new SlowStore()
    slow.saver.save(signal(1), 1)
    await eventually(() => slow.written.length === 1, 'a write')
    slow.saver.save(state('2'), 2)
    await slow.answer(new CheckreinError('STORE_BUSY'))
    await slow.answer()
    await slow.tells(1)
    assert.deepEqual(slow.written[1], { checkpoint: '2', signals: signal(1).signals })
    assert.deepEqual(slow.told, [[2, null]])
  })

  test('is refused where the attempt is not the current one any more', async () => {
    const slow = new SlowStore()
    slow.saver.save(state('1'), 1)
    await slow.answer('stale')
    await slow.tells(1)
    assert.deepEqual(slow.told, [[1, 'LEASE_LOST']])
  })

  test('goes with the end where it is not written by then', async () => {
    const slow = new SlowStore()
    slow.saver.save(state('1'), 1)
    await eventually(() => slow.written.length === 1, 'a write')
    slow.saver.save(state('2'), 2)
    const left = slow.saver.end()
    await slow.answer(new CheckreinError('STORE_UNAVAILABLE'))
    assert.deepEqual(await left, state('2'))
    assert.equal(slow.written.length, 1)
  })
})
