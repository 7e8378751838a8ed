/** Stops of handlers that don't want to, on PostgreSQL. */
process.env['TEST_STORE'] = 'postgres'
await import('./stop.test.ts')
