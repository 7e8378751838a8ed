/** An order and the run that sends its receipt, both or neither: `DATABASE_URL=postgres://… node examples/transactions/kysely.ts`. */
import { CompiledQuery, type Generated, Kysely, PostgresDialect, type Transaction } from 'kysely'
import { Pool } from 'pg'
import { connection, Shop } from './shop.ts'
import { sendReceipt } from './tasks.ts'

interface Tables {
  readonly orders: { readonly id: Generated<number>; readonly item: string }
}

await using shop = await Shop.open()
const { reins } = shop
const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool: new Pool(connection) }) })

/** Kysely's transaction as Checkrein takes it. */
function within(trx: Transaction<Tables>) {
  return reins.within({
    query: (statement: string, values: unknown[]) =>
      trx.executeQuery(CompiledQuery.raw(statement, values)),
  })
}

async function order(item: string, isPaid: boolean): Promise<string> {
  return db.transaction().execute(async (trx) => {
    const insert = trx.insertInto('orders').values({ item }).returning('id')
    const { id } = await insert.executeTakeFirstOrThrow()
    const run = await within(trx).enqueue(sendReceipt, { order: id, item })
    if (!isPaid) throw new Error('the card was refused')
    return run.id
  })
}

console.log(await reins.run(await order('a saddle', true)).result())
await order('a horse', false).catch((error: unknown) => console.log(String(error)))
console.log(await shop.summary())
await db.destroy()
