/** A pause that freezes, with an attempt that freezes when the test says so. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { PauseIntent } from '../../src/core/run/intent.ts'
import { PauseLadder } from '../../src/worker/attempt/pause.ts'
import { eventually } from '../support/bed.ts'

const asked: PauseIntent = {
  reason: null,
  by: null,
  requestedAt: 1,
  withinMs: 0,
  otherwise: 'freeze',
  resumeAt: null,
  overdueAt: null,
  frozenAt: null,
  holdId: null,
  workflowId: null,
  parksIn: 'paused',
}

class Held {
  readonly said: string[] = []
  readonly rein: PauseLadder
  readonly #freezes: ((isFrozen: boolean) => void)[] = []

  constructor() {
    const attempt = {
      pause: (isAsked: boolean) => void this.said.push(`pause ${isAsked}`),
      freeze: () => new Promise<boolean>((resolve) => this.#freezes.push(resolve)),
      thaw: () => void this.said.push('thaw'),
    }
    const say = (word: string) => () => void this.said.push(word)
    this.rein = new PauseLadder({
      attempt,
      kill: say('kill'),
      onOverdue: say('overdue'),
      onFrozen: say('frozen'),
      onThawed: say('thawed'),
    })
  }

  async begins(): Promise<void> {
    await eventually(() => this.#freezes.length > 0, 'a freeze')
  }

  /** The freeze that was begun first comes to this. */
  async freezes(isFrozen: boolean): Promise<void> {
    await this.begins()
    this.#freezes.shift()?.(isFrozen)
    await Promise.resolve()
    await Promise.resolve()
  }
}

suite('a pause that freezes', () => {
  test('is thawed when it is taken back', async () => {
    const held = new Held()
    held.rein.follow(asked, 0)
    await held.freezes(true)
    held.rein.follow(null, 0)
    assert.deepEqual(held.said, ['frozen', 'thaw', 'thawed'])
  })

  test('that is taken back and asked again while it is under way is frozen by the second', async () => {
    const held = new Held()
    held.rein.follow(asked, 0)
    await held.begins()
    held.rein.follow(null, 0)
    held.rein.follow({ ...asked, requestedAt: 2 }, 0)
    await held.freezes(false)
    await held.freezes(true)
    assert.deepEqual(held.said, ['thaw', 'frozen'])
  })

  test('says again that it is frozen to whoever does not know', async () => {
    const held = new Held()
    held.rein.follow(asked, 0)
    await held.freezes(true)
    held.rein.follow({ ...asked, frozenAt: 5 }, 0)
    held.rein.follow({ ...asked, requestedAt: 9 }, 0)
    assert.deepEqual(held.said, ['frozen', 'frozen'])
  })

  test('parks instead where nothing can be frozen, and says that it is overdue', async () => {
    const held = new Held()
    held.rein.follow(asked, 0)
    await held.freezes(false)
    assert.deepEqual(held.said, ['pause true', 'overdue'])
  })
})

suite('a pause that waits', () => {
  test('for longer than a timer can count does so', () => {
    const held = new Held()
    held.rein.follow({ ...asked, otherwise: 'kill', withinMs: 30 * 86_400_000 }, 0)
    assert.deepEqual(held.said, ['pause true'])
    held.rein.end()
  })
})
