/** examples/operations, as its users meet it: two processes, and calls over HTTP. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { dropSchema, freshSchema, testDatabase } from './support/database.ts'
import { eventually } from './support/bed.ts'
import { Program } from './support/program.ts'

interface Status {
  readonly id: string
  readonly status: string
  readonly done: number
  readonly of: number
  readonly note: string | null
  readonly result?: unknown
  readonly failure: { readonly state: string } | null
}

/** A service with its table, and workers that come and go. */
class Site implements AsyncDisposable {
  readonly #env: Readonly<Record<string, string>>
  readonly #service: Program
  readonly #url: string
  #worker: Program | null = null

  static async open(store: string, folder: string): Promise<Site> {
    const env = { STORE: store, TABLE: join(folder, 'operations.db'), PORT: '0' }
    const service = new Program('examples/operations/service.ts', [], env)
    const [, url = ''] = await service.printed(/^operations on (\S+)$/m)
    return new Site(env, service, url)
  }

  private constructor(env: Readonly<Record<string, string>>, service: Program, url: string) {
    this.#env = env
    this.#service = service
    this.#url = url
  }

  async startWorker(): Promise<void> {
    this.#worker = new Program('examples/operations/worker.ts', [], this.#env)
    await this.#worker.printed(/^works$/m)
  }

  /** With SIGKILL. */
  async killWorker(): Promise<void> {
    await this.#worker?.[Symbol.asyncDispose]()
  }

  async call(
    method: string,
    path: string,
    body?: unknown,
  ): Promise<{ status: number; json: unknown }> {
    const response = await fetch(`${this.#url}/operations${path}`, {
      method,
      headers: { 'x-user': 'ada' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    return { status: response.status, json: await response.json() }
  }

  async ask(method: string, path: string, body?: unknown): Promise<Status> {
    const { status, json } = await this.call(method, path, body)
    assert.equal(status, 200, JSON.stringify(json))
    return json as Status
  }

  async reaches(id: string, wanted: string): Promise<Status> {
    let now: Status | null = null
    await eventually(
      async () => {
        now = await this.ask('GET', `/${id}`)
        return now.status === wanted
      },
      `${id} is ${wanted}: ${JSON.stringify(now)}`,
    )
    return this.ask('GET', `/${id}`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.killWorker()
    await this.#service[Symbol.asyncDispose]()
  }
}

const texts = ['one, two', 'three four five']

suite('the operations of examples/operations', () => {
  const schema = freshSchema('operations')
  let folder = ''
  let here: Site
  let there: Site
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'checkrein-operations-'))
    const url = new URL(await testDatabase())
    url.searchParams.set('schema', schema)
    here = await Site.open(`sqlite:${join(folder, 'runs.db')}`, folder)
    await here.startWorker()
    const other = mkdtempSync(join(folder, 'other-'))
    there = await Site.open(url.href, other)
  })
  after(async () => {
    await here[Symbol.asyncDispose]()
    await there[Symbol.asyncDispose]()
    await dropSchema(await testDatabase(), schema)
    rmSync(folder, { recursive: true, force: true })
  })

  test("one is started under its user's own id, once", async () => {
    await here.ask('PUT', '/letter', { texts })
    await here.ask('PUT', '/letter', { texts })
    const { result, done, of } = await here.reaches('letter', 'completed')
    assert.deepEqual([result, done], [{ published: 'letter: 5 words' }, of])
    const all = (await here.call('GET', '')).json as readonly Status[]
    assert.deepEqual(
      all.map(({ id }) => id),
      ['letter'],
    )
  })

  test('a pause holds it between two steps, and it goes on where it was', async () => {
    await here.ask('PUT', '/slow', { texts, ms: 300 })
    await here.ask('POST', '/slow/pause', { reason: 'lunch' })
    const paused = await here.reaches('slow', 'paused')
    assert.ok(paused.done < paused.of)
    await here.ask('POST', '/slow/resume')
    const { result } = await here.reaches('slow', 'completed')
    assert.deepEqual(result, { published: 'slow: 5 words' })
  })

  test('one that is large asks first, and stays paused whoever is killed; what is left goes on on another store', async () => {
    await here.ask('PUT', '/novel', { texts, limit: 3 })
    const paused = await here.reaches('novel', 'paused')
    await eventually(
      async () => (await here.ask('GET', '/novel')).note === 'paused after 5',
      'the callback',
    )
    await here.killWorker()
    assert.equal((await here.ask('GET', '/novel')).status, 'paused')
    await here.startWorker()
    const again = await here.ask('GET', '/novel')
    assert.deepEqual([again.status, again.done], ['paused', paused.done])

    const rest = (await here.call('GET', '/novel/export')).json
    assert.equal((await here.ask('POST', '/novel/cancel', { reason: 'moved' })).status, 'cancelled')
    await there.ask('PUT', '/novel/import', rest)
    await there.startWorker()
    const { result } = await there.reaches('novel', 'completed')
    assert.deepEqual(result, { published: 'novel: 5 words' })
  })

  test('a cancel with roll-back takes back what was done', async () => {
    await here.ask('PUT', '/regretted', { texts, archiveMs: 600_000 })
    await eventually(async () => {
      const { done, of } = await here.ask('GET', '/regretted')
      return done === of - 1
    }, 'the last step')
    const cancel = { rollback: true, reason: 'a mistake' }
    const { status, note } = await here.ask('POST', '/regretted/cancel', cancel)
    assert.match(note ?? '', /taken back: regretted: 5 words|cancelled: it was stopped/)
    assert.equal(status, 'cancelled')
  })

  test('what is wrong is said, and nothing is started', async () => {
    const calls = [
      await here.call('PUT', '/bad', { texts: [] }),
      await here.call('GET', '/bad'),
      await here.call('POST', '/letter/sing'),
      await here.call('PUT', '/bad/import', { version: 99 }),
    ]
    assert.deepEqual(
      calls.map(({ status }) => status),
      [400, 404, 405, 400],
    )
    for (const { json } of calls) assert.ok((json as { error?: string }).error)
  })
})
