import { storeMatrix } from './matrix.ts'
import { storeConformance } from '../conformance/store.ts'
import { postgresPlace } from './bed.ts'

storeConformance('postgres', ({ now }) => postgresPlace({ now }))
storeMatrix('postgres', ({ now }) => postgresPlace({ now }))
