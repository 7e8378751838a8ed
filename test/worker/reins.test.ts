import { reinsSuite } from './reins-suite.ts'

reinsSuite('sqlite')
