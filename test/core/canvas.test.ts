import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { chain, chord, chunks, group, map, starmap, step } from '../../src/core/workflow/canvas.ts'
import { deepest, graphOf, mostNodes, withInput } from '../../src/core/workflow/graph.ts'
import { partOf, previous, type StepLike } from '../../src/core/workflow/parts.ts'
import { inputOf } from '../../src/core/workflow/step-plan.ts'
import { task } from '../../src/core/task/task.ts'

const add = task({ name: 'add', run: (n: number) => n + 1 })
const pair = task({ name: 'pair', run: ([a, b]: readonly [number, number]) => a + b })
const named = task({ name: 'named', run: ({ n, by }: { n: number; by: string }) => `${n}${by}` })
const listed = task({ name: 'listed', run: (all: readonly unknown[]) => all.length })
const total = task({ name: 'total', run: (all: readonly number[]) => all.length })

const options = {
  payloadLimit: 1000,
  checkedTags: (tags: readonly string[]) => tags,
  checkedPriority: (priority: number) => priority,
  checkedQueue: (queue: string) => queue,
  checkedId: (id: string) => id,
}
const nodesOf = (like: unknown): ReturnType<typeof graphOf>['nodes'] =>
  graphOf(partOf(like as StepLike), options).nodes
const invalid = { code: 'WORKFLOW_INVALID' }
/** Chains and groups by turns, so that each is a level. */
function nested(levels: number): StepLike {
  let inner: StepLike = step(add, 1)
  for (let level = 1; level < levels; level++) inner = group([inner])
  return inner
}

suite('workflows as they are written', () => {
  test('are numbered so that what lies within a node and the rest of its chain are ranges', () => {
    const nodes = nodesOf(chain([step(add, 1), group([add, chain([add, add])]), total]))
    const told = nodes.map(({ node, next, chainEnd, up, slot, last, isHead }) =>
      [node, next, chainEnd, up, slot, last, isHead].join(' '),
    )
    assert.deepEqual(told, [
      '1 2 6  0 1 true',
      '2 6 6  0 5 false',
      '3  3 2 0 3 true',
      '4 5 5 2 1 4 true',
      '5  5 2 1 5 false',
      '6  6  0 6 false',
    ])
  })

  test('start with what nothing comes before', () => {
    const nodes = nodesOf(chord([step(add, 1), chain([step(add, 2), add])], total))
    assert.deepEqual(
      nodes.filter(({ isAtOnce }) => isAtOnce).map(({ node }) => node),
      [1, 2, 3],
    )
  })

  test('give the first steps the input of the workflow, without which none may name what is before', () => {
    const inputs = (like: StepLike, input: string | null): unknown[] =>
      withInput(nodesOf(like), input).map(({ step }) => step && [step.takes, step.bound])
    const both = chain([group([add, step(named, { n: previous, by: 'me' })]), listed])
    const [, first, second, last] = inputs(both, '7')
    assert.deepEqual(first, ['given', '7'])
    assert.deepEqual(second, ['given', '{"by":"me","n":7}'])
    assert.deepEqual(last, ['previous', null])
    assert.deepEqual(inputs(add, null), [['given', null]])
    assert.throws(() => inputs(both, null), invalid)
    assert.throws(() => inputs(map(add, previous), null), invalid)
  })

  test('give a step the result before it whole, as one member, or not at all', () => {
    const input = (like: StepLike): string | null => {
      const [node] = nodesOf(like)
      assert.ok(node?.step)
      return inputOf(node.step, '7')
    }
    assert.equal(input(add), '7')
    assert.equal(input(step(add)), '7')
    assert.equal(input(step(add, 3)), '3')
    assert.equal(input(step(named, { n: previous, by: 'me' })), '{"by":"me","n":7}')
    assert.equal(input(step(named, { n: previous } as never)), '{"n":7}')
  })

  test('make one run of a map, and one of each chunk', () => {
    const isMapped = (like: StepLike): unknown[] => nodesOf(like).map(({ step }) => step?.bound)
    assert.deepEqual(isMapped(map(add, [1, 2, 3])), ['[1,2,3]'])
    assert.deepEqual(isMapped(starmap(pair, [[1, 2]])), ['[[1,2]]'])
    assert.deepEqual(isMapped(chunks(add, [1, 2, 3], 2)), [undefined, '[1,2]', '[3]'])
  })

  test(`have up to ${mostNodes} runs and groups`, () => {
    const steps = Array.from({ length: mostNodes }, () => step(add, 1))
    assert.equal(nodesOf(chain(steps)).length, mostNodes)
    assert.throws(() => nodesOf(group(steps)), {
      ...invalid,
      message: /at most 100,000 runs and groups/,
      hint: /map, chunks/,
    })
  })

  test(`are up to ${deepest} levels deep, and a deeper one is refused and overflows nothing`, () => {
    assert.equal(nodesOf(nested(deepest)).length, deepest)
    assert.throws(() => nodesOf(nested(deepest + 1)), { ...invalid, message: /1000 levels deep/ })
    let chains: StepLike = step(add, 1)
    for (let level = 0; level < 50_000; level++) chains = chain([chains])
    assert.throws(() => nodesOf(chains), invalid)
    assert.throws(() => nodesOf(nested(50_000)), invalid)
  })

  test('are refused where something is missing, unknown or in the wrong place', () => {
    const wrongs: readonly (() => unknown)[] = [
      () => chain([]),
      () => chain('add' as never),
      () => group(add as never),
      () => nodesOf(chain([null as never])),
      () => nodesOf(chain([{ name: 'add' } as never])),
      () => step('add' as never),
      () => map(add, 7 as never),
      () => chunks(add, [1], 0),
      () => chunks(add, [1], 1.5),
      () => group([add], { policy: 'most' as never }),
      () => group([add], { limit: 3 } as never),
      () => step(add, 1, { queues: 'a' } as never),
      () => chain([add], { pausePoints: { every: 0 } }),
      () => chain([add], { every: 2 } as never),
      () => nodesOf(chain([add], { pauseWhen: chain([add, add]) })),
      () => nodesOf(step(add, 1, { onCompleted: group([add]) })),
      () => nodesOf(step(add, { deep: { n: previous } } as never)),
      () => nodesOf(step(add, [previous] as never)),
      () => nodesOf(step(named, { n: previous, by: previous } as never)),
    ]
    for (const wrong of wrongs) assert.throws(wrong, invalid, String(wrong))
  })

  test('are not too large for a store', () => {
    assert.throws(() => nodesOf(map(add, Array.from({ length: 1000 }, Number))), {
      code: 'PAYLOAD_TOO_LARGE',
    })
  })
})
