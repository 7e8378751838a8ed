/** What each command answers, without a worker. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Place } from './cli.ts'

interface RunJson {
  readonly id: string
  readonly state: string
  readonly createdAt: string
  readonly [fact: string]: unknown
}

const instant = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

void test('enqueue says the id and nothing else, and stores what it was given', async () => {
  await using place = await Place.make()
  const options = [
    '--key',
    'k',
    '--tag',
    'one',
    '--tag',
    'two',
    '--priority',
    '-3',
    '--queue',
    'heavy',
    '--delay',
    '1h',
    '--ttl',
    '2h',
  ]
  const { code, stdout, stderr } = await place.run(['enqueue', 'add', '{"a":1}', ...options])
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' })
  assert.match(stdout, /^[0-9a-f-]{36}\n$/)
  const { run } = await place.json<{ run: RunJson }>('show', stdout.trim())
  const { task, input, key, tags, priority, queue, state } = run
  assert.deepEqual(
    { task, input, key, tags, priority, queue, state },
    {
      task: 'add',
      input: { a: 1 },
      key: 'k',
      tags: ['one', 'two'],
      priority: -3,
      queue: 'heavy',
      state: 'scheduled',
    },
  )
  assert.match(run.createdAt, instant)
  assert.match(String(run['runAt']), instant)
})

void test('enqueue-many stores the run of each line, or none of them', async () => {
  await using place = await Place.make()
  const lines = '{"input":1,"key":"a"}\n\n{"input":2,"tags":["t"]}\n'
  const { code, stdout } = await place.runAlone(['enqueue-many', 'add', '-'], { stdin: lines })
  assert.equal(code, 0)
  const ids = stdout.trim().split('\n')
  const { run } = await place.json<{ run: RunJson }>('show', ids[1] ?? '')
  assert.deepEqual([ids.length, run['input'], run['tags']], [2, 2, ['t']])
  const bad = await place.runAlone(['enqueue-many', 'add', '-'], { stdin: '{"input":3}\n4' })
  assert.equal(bad.code, 64)
  assert.match(bad.stderr, /Line 2 is not an object/)
  const { runs } = await place.json<{ runs: RunJson[] }>('list')
  assert.equal(runs.length, 2)
})

void test('enqueue reads the input from standard input, and says when a key is held', async () => {
  await using place = await Place.make()
  const first = await place.runAlone(['enqueue', 'add', '-', '--key', 'k'], {
    stdin: '{"from":"stdin"}',
  })
  const again = await place.run(['enqueue', 'add', '{}', '--key', 'k'])
  assert.equal(again.stdout, first.stdout)
  assert.match(again.stderr, /was there already/)
  const replaced = await place.json<{ outcome: string; replacedId: string }>(
    'enqueue',
    'add',
    '--key',
    'k',
    '--on-conflict',
    'replace',
  )
  assert.deepEqual([replaced.outcome, replaced.replacedId], ['enqueued', first.stdout.trim()])
  const { run } = await place.json<{ run: RunJson }>('show', first.stdout.trim())
  assert.deepEqual(run['input'], { from: 'stdin' })
})

void test('what looks like an instant in the data of users stays as it is', async () => {
  await using place = await Place.make()
  const { id } = await place.json<{ id: string }>(
    'enqueue',
    'add',
    '{"createdAt":5,"deep":{"at":6}}',
  )
  const { run } = await place.json<{ run: RunJson }>('show', id)
  assert.deepEqual(run['input'], { createdAt: 5, deep: { at: 6 } })
})

void test('list filters, and goes on from its cursor', async () => {
  await using place = await Place.make()
  for (const [task, id] of [
    ['add', '1'],
    ['add', '2'],
    ['other', '3'],
  ] as const) {
    await place.does(
      'enqueue',
      task,
      JSON.stringify({ user: { id: Number(id) } }),
      '--id',
      `run-${id}`,
      '--tag',
      `t${id}`,
    )
  }
  const ids = async (...args: string[]): Promise<string[]> => {
    const { runs } = await place.json<{ runs: RunJson[] }>('list', ...args)
    return runs.map(({ id }) => id)
  }
  const lists: [string[], string[]][] = [
    [[], ['run-3', 'run-2', 'run-1']],
    [
      ['--task', 'add', '--order', 'oldest'],
      ['run-1', 'run-2'],
    ],
    [['--tag', 't2'], ['run-2']],
    [['--input', 'user.id=3'], ['run-3']],
    [['--state', 'running', '--state', 'completed'], []],
    [['--created-before', '2020-01-01'], []],
  ]
  for (const [args, expected] of lists) assert.deepEqual(await ids(...args), expected)
  const page = await place.json<{ runs: RunJson[]; cursor: string }>('list', '--limit', '2')
  assert.deepEqual(await ids('--cursor', page.cursor), ['run-1'])
  const { stdout } = await place.run(['list', '--limit', '1'])
  assert.match(stdout, /^ID +STATUS +TASK/)
  assert.match(stdout, /run-3 +queued +other/)
  assert.match(stdout, /--cursor \d+/)
})

void test('counts names every state', async () => {
  await using place = await Place.make()
  await place.does('enqueue', 'add')
  const counts = await place.json<Record<string, number>>('counts')
  assert.equal(counts['queued'], 1)
  assert.equal(Object.keys(counts).length, 8)
  assert.match((await place.run(['counts', '--task', 'other'])).stdout, /queued +0\n/)
})

void test('each verb prevents a run that has not started, and says so again the second time', async () => {
  await using place = await Place.make()
  await place.does('enqueue', 'add', '--id', 'first')
  const prevents = async (verb: string): Promise<void> => {
    await place.does('enqueue', 'add', '--id', verb)
    const { code, stdout } = await place.run([verb, verb, '--reason', 'wrong one', '--by', 'ada'])
    assert.equal(code, 0)
    assert.match(stdout, new RegExp(`${verb} +prevented +${verb} by ada: wrong one; prevented`))
    const [again] = await place.json<{ answer: string; stop: { stoppedAt: string } }[]>(verb, verb)
    assert.equal(again?.answer, 'already-cancelled')
    assert.match(again.stop.stoppedAt, instant)
  }
  for (const verb of ['revoke', 'abort', 'cancel', 'terminate']) await prevents(verb)
  assert.equal((await place.json<{ run: RunJson }>('show', 'first')).run.state, 'queued')
})

void test('a verb on a run that does not exist leaves a tombstone, which can be listed and lifted', async () => {
  await using place = await Place.make()
  await place.does('enqueue', 'add')
  const missing = await place.run(['cancel', 'not-yet', '--tombstone', '1h'])
  assert.equal(missing.code, 66)
  assert.match(missing.stdout, /no such run; the cancel waits for it until/)
  assert.equal((await place.run(['revoke', '--task', 'add', '--key', 'k'])).code, 66)
  const standing =
    await place.json<{ kind: string; value: string; expiresAt: string }[]>('tombstones')
  assert.deepEqual(standing.map(({ kind, value }) => `${kind} ${value}`).sort(), [
    'id not-yet',
    'key k',
  ])
  assert.match(standing[0]?.expiresAt ?? '', instant)
  const prevented = await place.run(['enqueue', 'add', '--id', 'not-yet'])
  assert.match(prevented.stderr, /tombstone/)
  assert.equal((await place.run(['tombstones', '--lift-key', 'k', '--task', 'add'])).code, 0)
  assert.equal((await place.run(['tombstones', '--lift', 'never-there'])).code, 66)
  assert.equal((await place.run(['tombstones'])).stdout, 'no tombstones\n')
})

void test('a filter is applied only with --yes where nobody can be asked', async () => {
  await using place = await Place.make()
  for (const id of ['1', '2']) await place.does('enqueue', 'add', '--tag', 't', '--id', id)
  const refused = await place.run(['cancel', '--tag', 't'])
  assert.equal(refused.code, 64)
  assert.match(refused.stderr, /This would cancel 2 runs: 2 queued/)
  assert.equal((await place.json<Record<string, number>>('counts'))['queued'], 2)
  const outcomes = await place.json<{ id: string; answer: string }[]>(
    'cancel',
    '--tag',
    't',
    '--yes',
  )
  assert.deepEqual(outcomes.map(({ id, answer }) => `${id} ${answer}`).sort(), [
    '1 prevented',
    '2 prevented',
  ])
  assert.equal((await place.run(['cancel', '--all', '--yes'])).stdout, 'no runs\n')
})

void test('prune deletes what ended long ago, and nothing where it is not told what', async () => {
  await using place = await Place.make()
  await place.does('enqueue', 'add', '--id', 'gone')
  await place.does('cancel', 'gone')
  assert.equal((await place.run(['prune'])).code, 64)
  assert.deepEqual(await place.json('prune', '--completed', '0', '--cancelled', '7d'), {
    deletedCount: 0,
  })
  assert.deepEqual(await place.json('prune', '--cancelled', '0'), { deletedCount: 1 })
  assert.equal((await place.run(['show', 'gone'])).code, 66)
})

void test('doctor finds that nobody will take the runs', async () => {
  await using place = await Place.make()
  await place.does('enqueue', 'add', '--id', 'alone')
  const { code, stdout } = await place.run(['doctor', '--json'])
  assert.equal(code, 1)
  const { isHealthy, findings } = JSON.parse(stdout) as {
    isHealthy: boolean
    findings: { name: string; level: string; hint?: string }[]
  }
  assert.equal(isHealthy, false)
  const wrong = findings.filter(({ name, level }) => level !== 'ok' && name !== 'vacuum')
  assert.deepEqual(
    wrong.map(({ name }) => name),
    ['workers'],
  )
  assert.match(wrong[0]?.hint ?? '', /checkrein worker/)
  await place.does('cancel', 'alone')
  const well = (await place.run(['doctor'])).stdout
  assert.doesNotMatch(
    well,
    /^(?:warning|error)(?! +vacuum)/m,
    'of the server itself nothing is known here',
  )
  assert.equal((await place.run(['workers'])).stdout, 'no workers\n')
})
