/** What a worker promises on SQLite, it promises on PostgreSQL. */
process.env['TEST_STORE'] = 'postgres'
await import('./worker.test.ts')
