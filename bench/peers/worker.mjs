/** A worker of one peer, in a process of its own: says when each run starts, on the clock that all processes share. */
import { peers } from './peers.mjs'

const [name, url] = process.argv.slice(2)
const peer = await peers[name].open(url)
await peer.work(100, () => process.send(Number(process.hrtime.bigint()) / 1e6))
process.send('ready')
