import { executorConformance } from '../conformance/executor.ts'
import { createExecutor } from '../../src/executor/create.ts'

executorConformance((settings) => createExecutor('thread', settings), {
  skip: [
    {
      test: 'nothing can be forced: a kill is unresponsive while the handler runs',
      reason: 'a thread in JavaScript is always killed',
    },
  ],
})
