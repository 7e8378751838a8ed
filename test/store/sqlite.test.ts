import { storeConformance } from '../conformance/store.ts'
import { sqlitePlace } from './bed.ts'

storeConformance('sqlite', ({ now }) => sqlitePlace({ now }))
