/** Workers that are killed and stopped, on PostgreSQL. */
process.env['TEST_STORE'] = 'postgres'
await import('./worker.test.ts')
