import { after } from 'node:test'
import { storeMatrix } from './matrix.ts'
import { storeConformance } from '../conformance/store.ts'
import { dropUsedSchemas } from '../support/database.ts'
import { reusedPlace } from './bed.ts'

storeConformance('postgres', ({ now }) => reusedPlace({ now }))
storeMatrix('postgres', ({ now }) => reusedPlace({ now }))
after(dropUsedSchemas)
