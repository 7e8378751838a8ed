/**
 * An order and the run that sends its receipt, both or neither, with Prisma's raw client.
 *
 * Continuous integration does not run this one: Prisma's client is generated from your schema, by a program that is fetched
 * from the network. It was tried by hand with Prisma 7.10 and @prisma/adapter-pg. A `?schema=public` in the URL that Prisma uses is
 * not the schema of Checkrein, and is ignored.
 */
import type { Client } from '../../src/index.ts'
import { sendReceipt } from './tasks.ts'

/** The part of Prisma's transaction client that this example uses. */
interface PrismaTransaction {
  readonly order: { create(row: { data: { item: string } }): Promise<{ id: number }> }
  $queryRawUnsafe<T>(query: string, ...values: unknown[]): Promise<T>
}

/** The part of `new PrismaClient({ adapter: new PrismaPg({ connectionString }) })` that this example uses. */
interface Prisma {
  $transaction<T>(work: (tx: PrismaTransaction) => Promise<T>): Promise<T>
}

/** Prisma's transaction as Checkrein takes it. */
function within(reins: Client, tx: PrismaTransaction) {
  return reins.within({
    query: async (statement: string, values: unknown[]) => ({
      rows: await tx.$queryRawUnsafe<Record<string, unknown>[]>(statement, ...values),
    }),
  })
}

export async function order(prisma: Prisma, reins: Client, item: string): Promise<string> {
  return prisma.$transaction(async (tx) => {
    const { id } = await tx.order.create({ data: { item } })
    const run = await within(reins, tx).enqueue(sendReceipt, { order: id, item })
    return run.id
  })
}
