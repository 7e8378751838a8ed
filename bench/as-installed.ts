/**
 * Has whatever is measured run from the built package, as users have it, instead of from the sources, which are stripped
 * of their types by each process that starts. The processes that this one starts do the same.
 */
import { registerHooks } from 'node:module'

const source = new URL('../src/', import.meta.url).href
const built = new URL('../dist/', import.meta.url).href

process.env['NODE_OPTIONS'] = `--import=${import.meta.url}`
registerHooks({
  resolve(specifier, context, next) {
    const found = next(specifier, context)
    if (!found.url.startsWith(source)) return found
    const url = built + found.url.slice(source.length).replace(/\.ts$/, '.js')
    return { ...found, url, format: 'module' }
  },
})
