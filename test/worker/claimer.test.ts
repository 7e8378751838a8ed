/** What a worker takes, and when it asks, on a store where each question is dear. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { ClaimedRun, ClaimRequest, HeldRun } from '../../src/store/store.ts'
import { Claimer, type ClaimingSession } from '../../src/worker/claiming/claimer.ts'
import { Serving } from '../../src/worker/claiming/serving.ts'
import { eventually } from '../support/bed.ts'
import type { Isolation } from '../../src/core/task/task-limits.ts'

/** Runs that are queued, and what was asked of them; some may be held by somebody else for a moment. */
class Desk {
  readonly queued = new Map<string, number>()
  readonly heldByOthers = new Set<string>()
  readonly asked: string[] = []
  readonly lookPauseMs = 20
  onClaim = (): void => undefined

  async claim({ tasks, limit, startsLater }: ClaimRequest): Promise<ClaimedRun[]> {
    this.asked.push(
      `claim ${limit} of ${tasks.join()}${startsLater === true ? ' to start later' : ''}`,
    )
    this.onClaim()
    const claimed: ClaimedRun[] = []
    for (const task of tasks) {
      if (this.heldByOthers.has(task)) continue
      const count = Math.min(this.queued.get(task) ?? 0, limit - claimed.length)
      this.queued.set(task, (this.queued.get(task) ?? 0) - count)
      for (let n = 0; n < count; n++) claimed.push({ task } as ClaimedRun)
    }
    return claimed
  }

  async claimableTasks({ tasks }: Pick<ClaimRequest, 'tasks'>): Promise<string[]> {
    this.asked.push('look')
    return tasks.filter((task) => (this.queued.get(task) ?? 0) > 0)
  }

  async held(): Promise<HeldRun[]> {
    return []
  }

  /** What was asked since the last time. */
  news(): string[] {
    return this.asked.splice(0)
  }
}

/** A worker with free slots, which claims `quick` ahead. */
class Slots implements ClaimingSession {
  readonly id = 'w1'
  readonly isolations: readonly Isolation[] = ['inline']
  free = 2
  ahead = 0

  freeSlots(): number {
    return this.free
  }

  lookahead(): { tasks: readonly string[]; limit: number } {
    return { tasks: ['quick'], limit: this.ahead }
  }

  take({ task }: ClaimedRun): void {
    if (task !== 'quick' || this.free > 0) this.free -= 1
  }

  refuse(): void {}

  refuseUnknown(): void {}

  handBackStale(): number {
    return Infinity
  }
}

function scene({ pollMs = 60_000 } = {}): {
  desk: Desk
  slots: Slots
  claimer: Claimer
  fill: () => Promise<number>
} {
  const [desk, slots] = [new Desk(), new Slots()]
  const registry = { namesOf: () => ['quick', 'slow'] }
  const none = (): void => undefined
  const serving = new Serving({ registry, onTrouble: none, onRecovered: none })
  const parts = { store: desk, serving, queues: ['default'], pollMs, compareMs: 60_000 }
  const claimer = new Claimer({ ...parts, onError: () => undefined })
  /** Once more, when the pause between two looks is over. */
  const fill = async (): Promise<number> => {
    for (let waitMs = 0; ;) {
      const before = desk.asked.length
      waitMs = await claimer.fill(slots)
      if (desk.asked.length > before || waitMs > 1) return waitMs
    }
  }
  return { desk, slots, claimer, fill }
}

suite('a worker with free slots', () => {
  test('asks once where there is nothing, and again when there is word of runs', async () => {
    const { desk, claimer, fill } = scene()
    await fill()
    assert.deepEqual(desk.news(), ['claim 2 of quick,slow', 'look'])
    await fill()
    assert.deepEqual(desk.news(), [])
    desk.queued.set('slow', 1)
    claimer.hear()
    await fill()
    assert.deepEqual(desk.news(), ['claim 2 of quick,slow', 'look'])
  })

  test('asks again where the word came while it asked', async () => {
    const { desk, claimer, fill } = scene()
    desk.onClaim = () => claimer.hear()
    await fill()
    desk.onClaim = () => undefined
    await fill()
    assert.deepEqual(desk.news().length, 4)
  })

  test('looks again soon for what others hold for a moment, also where it got some', async () => {
    const { desk, slots, fill } = scene()
    desk.queued.set('slow', 3)
    desk.heldByOthers.add('slow')
    assert.ok((await fill()) <= desk.lookPauseMs)
    desk.queued.set('quick', 1)
    assert.ok((await fill()) <= desk.lookPauseMs, 'it got one of two')
    desk.heldByOthers.clear()
    await fill()
    assert.equal(slots.free, 0)
  })

  test('asks for all tasks, also where there was nothing to claim ahead', async () => {
    const { desk, slots, fill } = scene()
    desk.queued.set('slow', 5)
    slots.ahead = 10
    await fill()
    assert.deepEqual(desk.news(), ['claim 2 of quick,slow', 'claim 10 of quick to start later'])
    await fill()
    assert.deepEqual(desk.news(), [], 'there is nothing ahead until there is word')
    slots.free = 1
    await fill()
    assert.deepEqual(desk.news(), ['claim 1 of quick,slow'])
    assert.equal(slots.free, 0)
  })

  test('asks again at its poll, should the word have been lost', async () => {
    const { desk, fill } = scene({ pollMs: 1 })
    const first = await fill()
    assert.ok(first <= 1, 'and says when that is')
    await eventually(async () => {
      await fill()
      return desk.asked.length > 2
    }, 'another claim')
  })
})
