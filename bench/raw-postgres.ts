/** The same writes with `pg` alone, on one pipelining connection: one table, no rules. */
import { randomUUIDv7 } from 'node:crypto'
import { Client } from 'pg'
import type { RawQueue } from './raw.ts'

const claim = `
  UPDATE raw.runs SET state = 'running' WHERE seq = ANY(ARRAY(
    SELECT seq FROM raw.runs WHERE state = 'queued' ORDER BY seq LIMIT $1 FOR UPDATE SKIP LOCKED)) RETURNING seq, input`
const insert = `
  INSERT INTO raw.runs (id, task, input, state, at)
  SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[])`
const complete =
  "UPDATE raw.runs SET state = 'completed', result = 'null' WHERE seq = ANY($1::bigint[])"

export class RawPostgres implements RawQueue {
  readonly #client: Client

  static async open(url: string): Promise<RawPostgres> {
    const client = new Client({ connectionString: url, pipeline: true })
    await client.connect()
    await client.query(`
      DROP SCHEMA IF EXISTS raw CASCADE; CREATE SCHEMA raw;
      CREATE TABLE raw.runs (seq bigserial PRIMARY KEY, id text UNIQUE, task text, input text, state text, at bigint, result text);
      CREATE INDEX ready ON raw.runs (seq) WHERE state = 'queued'`)
    return new RawPostgres(client)
  }

  private constructor(client: Client) {
    this.#client = client
  }

  async enqueue(count: number, input: string): Promise<void> {
    const many = <T>(make: () => T): T[] => Array.from({ length: count }, make)
    const values = [
      many(() => randomUUIDv7()),
      many(() => 'no-op'),
      many(() => input),
      many(() => 'queued'),
      many(() => Date.now()),
    ]
    await this.#client.query({ name: 'insert', text: insert, values })
  }

  async work(count: number): Promise<number> {
    const { rows } = await this.#client.query({ name: 'claim', text: claim, values: [count] })
    const seqs = rows.map((row: { seq: string }) => row.seq)
    await this.#client.query({ name: 'complete', text: complete, values: [seqs] })
    return rows.length
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.query('DROP SCHEMA raw CASCADE')
    await this.#client.end()
  }
}
