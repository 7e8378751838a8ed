import { executorConformance } from '../conformance/executor.ts'
import { createExecutor } from '../../src/executor/create.ts'

const blocks = 'a handler that never yields blocks the worker itself'
const shares = 'the handler shares the process of the worker'

executorConformance((settings) => createExecutor('inline', settings), {
  skip: [
    {
      test: 'an aborted attempt ends with the exit of its isolate for proof',
      reason: 'it has no isolate',
    },
    { test: 'a loop that never yields sees the abort when it asks', reason: blocks },
    { test: 'a busy loop is killed, with proof, and its neighbours run on', reason: blocks },
    {
      test: 'an attempt that is killed before its isolate is ready is dead',
      reason: 'nothing can be forced',
    },
    {
      test: 'an isolate runs one attempt at a time, is used again, and never after an abort or a kill',
      reason: 'it has no isolate',
    },
    {
      test: 'an isolate that exits by itself ends its attempt, and the next one gets another',
      reason: shares,
    },
    { test: 'an idle isolate that exits is replaced', reason: shares },
    { test: 'garbage on the wire is ignored', reason: 'there is no wire' },
    { test: 'a report that nobody could store is ignored', reason: 'there is no wire' },
    {
      test: 'an end that nobody could store is one that was thrown, and costs the isolate',
      reason: 'there is no wire',
    },
    {
      test: 'a line without an end costs the isolate, not the memory of the worker',
      reason: 'there is no wire',
    },
  ],
})
