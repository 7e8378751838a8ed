/** The same commands on PostgreSQL. How workers are started and stopped from a shell is the same on any store. */
process.env['TEST_STORE'] = 'postgres'
await import('./commands.test.ts')
