/** An order and the run that sends its receipt, both or neither: `DATABASE_URL=postgres://… node examples/transactions/pg.ts`. */
import { Pool } from 'pg'
import { connection, Shop } from './shop.ts'
import { sendReceipt } from './tasks.ts'

await using shop = await Shop.open()
const { reins } = shop
const pool = new Pool(connection)

async function order(item: string, isPaid: boolean): Promise<string> {
  const client = await pool.connect()
  try {
    await client.query('BEGIN')
    const insert = 'INSERT INTO orders (item) VALUES ($1) RETURNING id'
    const { rows } = await client.query<{ id: number }>(insert, [item])
    const run = await reins.within(client).enqueue(sendReceipt, { order: rows[0]?.id ?? 0, item })
    if (!isPaid) throw new Error('the card was refused')
    await client.query('COMMIT')
    return run.id
  } catch (error) {
    await client.query('ROLLBACK')
    throw error
  } finally {
    client.release()
  }
}

console.log(await reins.run(await order('a saddle', true)).result())
await order('a horse', false).catch((error: unknown) => console.log(String(error)))
console.log(await shop.summary())
await pool.end()
