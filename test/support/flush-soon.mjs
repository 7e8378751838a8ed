/** Preloaded, it has what a process or a thread compiles kept for others: isolates are killed, so they would never come to do it. */
import { flushCompileCache } from 'node:module'

setInterval(flushCompileCache, 100).unref()
