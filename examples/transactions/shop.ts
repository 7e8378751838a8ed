/** The shop that these examples are about: a table of orders, and beside it the runs that send the receipts. */
import { Client } from 'pg'
import { type Client as Reins, connect, startWorker, type Worker } from '../../src/index.ts'

const url = process.env['DATABASE_URL'] ?? 'postgres://postgres@127.0.0.1:5432/postgres'
const schema = process.env['SHOP_SCHEMA'] ?? 'shop_example'

/** The settings of a pool that finds the table `orders`. */
export const connection = { connectionString: url, options: `-c search_path=${schema}` }

export class Shop implements AsyncDisposable {
  readonly reins: Reins
  readonly #worker: Worker
  readonly #sql: Client

  static async open(): Promise<Shop> {
    const sql = new Client(connection)
    await sql.connect()
    await sql.query(`CREATE SCHEMA ${schema}`)
    await sql.query('CREATE TABLE orders (id serial PRIMARY KEY, item text NOT NULL)')
    const reins = await connect(url, { schema: `${schema}_runs` })
    const worker = await startWorker(reins, { modules: [new URL('./tasks.ts', import.meta.url)] })
    return new Shop(reins, worker, sql)
  }

  private constructor(reins: Reins, worker: Worker, sql: Client) {
    this.reins = reins
    this.#worker = worker
    this.#sql = sql
  }

  /** How many orders and how many runs there are. */
  async summary(): Promise<string> {
    const { rows } = await this.#sql.query<{ count: number }>(
      'SELECT count(*)::int AS count FROM orders',
    )
    const { runs } = await this.reins.list()
    return `${rows[0]?.count} order, ${runs.length} run`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.stop()
    await this.reins[Symbol.asyncDispose]()
    await this.#sql.query(`DROP SCHEMA ${schema}, ${schema}_runs CASCADE`)
    await this.#sql.end()
  }
}
