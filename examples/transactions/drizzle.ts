/** An order and the run that sends its receipt, both or neither: `DATABASE_URL=postgres://… node examples/transactions/drizzle.ts`. */
import { sql } from 'drizzle-orm'
import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres'
import { pgTable, serial, text } from 'drizzle-orm/pg-core'
import { Pool } from 'pg'
import { connection, Shop } from './shop.ts'
import { sendReceipt } from './tasks.ts'

await using shop = await Shop.open()
const { reins } = shop
const pool = new Pool(connection)
const db = drizzle(pool)
const orders = pgTable('orders', { id: serial().primaryKey(), item: text().notNull() })

/** Drizzle's transaction as Checkrein takes it: each `$1` of a statement becomes a parameter of Drizzle's. */
function within(tx: Pick<NodePgDatabase, 'execute'>) {
  return reins.within({
    query(statement: string, values: unknown[]) {
      const parts = statement.split(/\$(\d+)/)
      const chunks = parts.map((part, at) =>
        at % 2 === 0 ? sql.raw(part) : sql.param(values[Number(part) - 1]),
      )
      return tx.execute(sql.join(chunks))
    },
  })
}

async function order(item: string, isPaid: boolean): Promise<string> {
  return db.transaction(async (tx) => {
    const [row] = await tx.insert(orders).values({ item }).returning()
    const run = await within(tx).enqueue(sendReceipt, { order: row?.id ?? 0, item })
    if (!isPaid) throw new Error('the card was refused')
    return run.id
  })
}

console.log(await reins.run(await order('a saddle', true)).result())
await order('a horse', false).catch((error: unknown) => console.log(String(error)))
console.log(await shop.summary())
await pool.end()
