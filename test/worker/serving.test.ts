import { servingPromises } from './serving-suite.ts'

servingPromises('sqlite', 'process')
servingPromises('sqlite', 'thread')
