/** Writes `src/store/postgres/schema.txt` from a schema that the migrations have just made, on the database of the tests. */
import { writeFileSync } from 'node:fs'
import { dumpOf, partsIn } from '../src/store/postgres/schema/dump.ts'
import { Link } from '../src/store/postgres/connection/link.ts'
import { migrateBy } from '../src/store/postgres/schema/migrate.ts'
import { postgresSettings } from '../src/store/postgres/connection/options.ts'
import { dropSchema, freshSchema, testDatabase } from '../test/support/database.ts'

const url = await testDatabase()
const schema = freshSchema('dump')
await using link = await Link.open({ to: url, where: url, settings: postgresSettings({ schema }) })
await migrateBy(link, { schema, where: url })
const dump = dumpOf(await link.borrow((session) => partsIn(session, schema)))
await dropSchema(url, schema)
writeFileSync(new URL('../src/store/postgres/schema.txt', import.meta.url), dump)
