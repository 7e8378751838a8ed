import { once } from 'node:events'
import { createServer } from 'node:net'

/** Below what Linux and macOS hand out to connections that go out. */
const firstPort = 15_000
const endPort = 32_000

/**
 * A loopback port that nobody listens on, for a server that may also be down for a while.
 *
 * Not the system's choice (port 0): that is from the range of ports of outgoing connections, so one of those may take it
 * while the server is down; worst, a client that tries again and again is at last connected to itself.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = firstPort + Math.floor(Math.random() * (endPort - firstPort))
    if (await isFree(port)) return port
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1')
  try {
    await once(server, 'listening')
    return true
  } catch {
    return false
  } finally {
    server.close()
  }
}
