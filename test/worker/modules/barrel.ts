/** Exports again what another module defines. */
export * from './odd-exports.ts'
