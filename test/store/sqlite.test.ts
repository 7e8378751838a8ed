import { storeMatrix } from './matrix.ts'
import { storeConformance } from '../conformance/store.ts'
import { sqlitePlace } from './bed.ts'

storeConformance('sqlite', ({ now }) => sqlitePlace({ now }))
storeMatrix('sqlite', ({ now }) => sqlitePlace({ now }))
