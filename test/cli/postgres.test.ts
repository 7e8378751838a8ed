/** The same commands on PostgreSQL. */
process.env['TEST_STORE'] = 'postgres'
await import('./commands.test.ts')
await import('./worker.test.ts')
