import { servingPromises } from './serving-suite.ts'

servingPromises('postgres', 'process')
