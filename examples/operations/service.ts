/**
 * A web service whose users start, pause, resume, cancel and move operations by ids of their own:
 * `STORE=sqlite:runs.db TABLE=operations.db PORT=8080 node examples/operations/service.ts`. The README has the calls.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { z } from 'zod'
import { connect, errorCodes, isCheckreinError, type WorkflowHandle } from '../../src/index.ts'
import { type Operation, OperationsTable } from './table.ts'
import { noteFailure, operationOf, wanted } from './tasks.ts'

const { STORE = 'sqlite:runs.db', TABLE = 'operations.db', PORT = '8080' } = process.env

await using reins = await connect(STORE, { by: 'operations' })
using table = new OperationsTable(TABLE)

class Refused extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

interface Call {
  readonly id: string
  readonly body: string
  /** The name of the user who asks, as the service knows it. */
  readonly by: string
}

const routes: Readonly<Record<string, (call: Call) => Promise<unknown>>> = {
  'PUT ': async ({ id, body }) => {
    const operation = table.put(id, JSON.stringify(wanted.parse(jsonOf(body))))
    const order = wanted.parse(JSON.parse(operation.wanted))
    const options = { id: operation.workflow, name: id, onFailed: noteFailure }
    await reins.startWorkflow(operationOf(id, order), options)
    return statusOf(operation)
  },
  'GET ': async ({ id }) => statusOf(operationAt(id)),
  'POST pause': async ({ id, body, by }) => {
    const { reason = null } = jsonOf(body) as { reason?: string }
    await reins.pauseWorkflow(operationAt(id).workflow, { by, ...given({ reason }) })
    return statusOf(operationAt(id))
  },
  'POST resume': async ({ id, by }) => {
    await handleOf(id).resume({ by })
    return statusOf(operationAt(id))
  },
  'POST cancel': async ({ id, body, by }) => {
    const { reason = null, rollback = false } = jsonOf(body) as CancelBody
    const { answer } = await handleOf(id).cancel({ by, rollback, ...given({ reason }) })
    return { answer, ...(await statusOf(operationAt(id))) }
  },
  'GET export': async ({ id }) => handleOf(id).export(),
  // Goes on with the export of another service, under the same name.
  'PUT import': async ({ id, body }) => {
    const operation = table.put(id, JSON.stringify({ imported: true }))
    await reins.importWorkflow(jsonOf(body), { id: operation.workflow, name: id })
    return statusOf(operation)
  },
}

interface CancelBody {
  readonly reason?: string
  readonly rollback?: boolean
}

const given = ({ reason }: { reason: string | null }) => (reason === null ? {} : { reason })

function operationAt(id: string): Operation {
  const operation = table.get(id)
  if (!operation) throw new Refused(404, `there is no operation ${id}`)
  return operation
}

const handleOf = (id: string): WorkflowHandle => reins.workflow(operationAt(id).workflow)

async function statusOf({ id, workflow, note }: Operation) {
  const flow = await reins.getWorkflow(workflow)
  if (!flow) return { id, status: 'starting', note }
  const { status, total, counts, result, failure } = flow
  return { id, status, done: counts.completed, of: total, note, result, failure }
}

function jsonOf(body: string): unknown {
  try {
    return body === '' ? {} : JSON.parse(body)
  } catch {
    throw new Refused(400, 'the body is not JSON')
  }
}

async function answer(request: IncomingMessage): Promise<unknown> {
  const { pathname } = new URL(request.url ?? '/', 'http://localhost')
  const [place, id, verb = '', ...more] = pathname.split('/').slice(1).map(decodeURIComponent)
  if (place !== 'operations' || more.length > 0) throw new Refused(404, 'try /operations')
  if (id === undefined) return Promise.all(table.all().map(statusOf))
  const route = routes[`${request.method} ${verb}`]
  if (!route) throw new Refused(405, `there is no ${request.method} ${verb}`)
  return route({ id, body: await text(request), by: String(request.headers['x-user'] ?? 'nobody') })
}

function fail(response: ServerResponse, error: unknown): void {
  if (error instanceof z.ZodError) return send(response, 400, { error: z.prettifyError(error) })
  if (error instanceof Refused) return send(response, error.status, { error: error.message })
  if (!isCheckreinError(error)) return send(response, 500, { error: String(error) })
  const { message, code, hint } = error
  send(response, errorCodes[code].http, { error: message, code, hint })
}

function send(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(`${JSON.stringify(value, null, 2)}\n`)
}

const server = createServer((request, response) => {
  answer(request).then(
    (value) => send(response, 200, value),
    (error: unknown) => fail(response, error),
  )
})
server.listen(Number(PORT), '127.0.0.1', () => {
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : address
  console.log(`operations on http://127.0.0.1:${port}`)
})
await new Promise<void>((resolve) => {
  for (const name of ['SIGINT', 'SIGTERM'] as const)
    process.once(name, () => server.close(() => resolve()))
})
