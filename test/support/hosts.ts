import {
  type ChildProcess,
  execFile,
  execFileSync,
  spawn,
  type SpawnOptions,
} from 'node:child_process'
import { randomBytes, randomInt } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { eventually } from './bed.ts'
import { Guard } from './guard.ts'

/** Ends all processes in the namespaces of `$1` and takes them down, with the bridge. */
const cleanUp = `
for name in $(ip netns list | sed -n "s/^\\($1h[0-9]*\\).*/\\1/p"); do
  ip netns pids "$name" | xargs -r kill -KILL
  ip link del "$name"
  ip netns del "$name"
done
ip link del "$1"
`

/** Null where hosts can be made; else the reason why not, for a test to be skipped with. */
export function canMakeHosts(): string | null {
  if (process.getuid?.() !== 0) return 'network namespaces need root'
  const name = `ct${randomBytes(4).toString('hex')}`
  try {
    execFileSync('ip', ['netns', 'add', name], { stdio: 'pipe' })
    execFileSync('ip', ['link', 'add', name, 'type', 'bridge'], { stdio: 'pipe' })
    return null
  } catch (error) {
    return `network namespaces cannot be made here: ${String(error)}`
  } finally {
    remove(name)
  }
}

/**
 * Machines that are network namespaces, on a bridge whose own address is `gateway`: that is where they reach servers of this
 * process's machine. Everything goes when this is disposed of, or when this process ends in whatever way.
 */
export class Hosts implements AsyncDisposable {
  /** Our own address on their network. */
  readonly gateway: string
  /** Short, since names of devices have 15 characters. */
  readonly #tag: string = `ct${randomBytes(4).toString('hex')}`
  readonly #network: string
  readonly #guard: Guard

  /** @throws where `canMakeHosts` has a reason. */
  static async make(count: number): Promise<Hosts> {
    await using stack = new AsyncDisposableStack()
    const hosts = stack.use(new Hosts(await freeNetwork()))
    await hosts.#makeBridge()
    for (let host = 0; host < count; host += 1) await hosts.#makeHost(host)
    stack.move()
    return hosts
  }

  private constructor(network: string) {
    this.#network = network
    this.gateway = `${network}.1`
    this.#guard = new Guard(cleanUp, [this.#tag])
  }

  /** The address of a host, counted from 0. */
  address(host: number): string {
    return `${this.#network}.${host + 10}`
  }

  /** The name of a host's namespace, and of our end of its cable. */
  nameOf(host: number): string {
    return `${this.#tag}h${host}`
  }

  /** Starts a program on a host; the pid is the program's own. */
  exec(host: number, [...command]: readonly string[], options: SpawnOptions = {}): ChildProcess {
    return spawn('ip', ['netns', 'exec', this.nameOf(host), ...command], options)
  }

  /** Drops every packet from and to a host, in silence: to both sides connections look alive, only nothing is answered. */
  async cut(host: number): Promise<void> {
    await run('bridge', 'link', 'set', 'dev', this.nameOf(host), 'state', '0')
  }

  /** Takes a host's own interface down: the host knows at once that it has no network, the others do not. */
  async unplug(host: number): Promise<void> {
    await run('ip', '-n', this.nameOf(host), 'link', 'set', 'eth0', 'down')
  }

  /** Ends `cut` and `unplug`. What TCP has to send again, it sends at its own pace. */
  async join(host: number): Promise<void> {
    const name = this.nameOf(host)
    await run('ip', '-n', name, 'link', 'set', 'eth0', 'up')
    await carries(name)
    await run('bridge', 'link', 'set', 'dev', name, 'state', '3')
  }

  async #makeBridge(): Promise<void> {
    await run('ip', 'link', 'add', this.#tag, 'type', 'bridge')
    await run('ip', 'address', 'add', `${this.gateway}/24`, 'dev', this.#tag)
    await run('ip', 'link', 'set', this.#tag, 'up')
  }

  async #makeHost(host: number): Promise<void> {
    const name = this.nameOf(host)
    await run('ip', 'netns', 'add', name)
    await run('ip', 'link', 'add', name, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name)
    await run('ip', 'link', 'set', name, 'master', this.#tag, 'up')
    await run('ip', '-n', name, 'address', 'add', `${this.address(host)}/24`, 'dev', 'eth0')
    await run('ip', '-n', name, 'link', 'set', 'lo', 'up')
    await this.join(host)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#guard.end()
  }
}

async function run(program: string, ...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(program, args)
  return stdout
}

/** The kernel tells a bridge a little later that a cable is in; the state of the port is ours only then. */
async function carries(device: string): Promise<void> {
  const file = `/sys/class/net/${device}/operstate`
  await eventually(() => readFileSync(file, 'utf8').trim() === 'up', `${device} up`)
}

/** The first three bytes of a network that this machine has no route to. */
async function freeNetwork(): Promise<string> {
  const routes = await run('ip', '-4', 'route')
  for (;;) {
    const network = `10.${randomInt(64, 128)}.${randomInt(256)}`
    if (!routes.includes(`${network}.`)) return network
  }
}

function remove(name: string): void {
  for (const kind of [['link'], ['netns']])
    try {
      execFileSync('ip', [...kind, 'del', name], { stdio: 'pipe' })
    } catch {}
}
