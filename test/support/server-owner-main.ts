/** Starts a server, says its pid, and waits to be killed. */
import { PostgresServer } from './postgres-server.ts'

const server = await PostgresServer.make()
process.stdout.write(`${server.pid}\n`)
setInterval(() => {}, 60_000)
