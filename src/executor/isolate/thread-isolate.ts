/** Entry of a thread, in a host child, that runs the attempts of `thread` isolation. */
import { workerData } from 'node:worker_threads'
import { serve } from './serve.ts'
import type { ThreadData } from './thread-host.ts'

const { lane, ears } = workerData as ThreadData
serve(lane, ears)
