import { readFileSync } from 'node:fs'
import { registerHooks, stripTypeScriptTypes } from 'node:module'
import { fileURLToPath } from 'node:url'
import { type Coverage, EDGES_MAX } from './coverage.ts'
import { type Instrumented, instrument } from './instrument.ts'

/** One module of the code under test. */
export interface InstrumentedModule extends Omit<Instrumented, 'code'> {
  readonly url: string
  /** Its branches are numbered from `firstEdge` to `nextEdge` - 1. */
  readonly firstEdge: number
}

/** Where instrumented code finds its counter: the global object is all that the modules of a process share. */
const COUNTER = 'podlaceFuzzCounter'

/**
 * From now on, TypeScript modules below `root` (a `file:` URL) are instrumented when they are imported, and count in
 * `coverage`. The list that is returned grows with them.
 */
export function instrumentImports(root: string, coverage: Coverage): readonly InstrumentedModule[] {
  const modules: InstrumentedModule[] = []
  Object.defineProperty(globalThis, COUNTER, { value: coverage })
  registerHooks({
    load(url, context, nextLoad) {
      if (!url.startsWith(root) || !url.endsWith('.ts')) return nextLoad(url, context)
      const stripped = stripTypeScriptTypes(readFileSync(fileURLToPath(url), 'utf8'))
      const firstEdge = modules.at(-1)?.nextEdge ?? 0
      const { code, ...rest } = instrument(stripped, firstEdge)
      if (rest.nextEdge > EDGES_MAX) throw new RangeError(`more than ${EDGES_MAX} branches: raise EDGES_MAX`)
      modules.push({ url, firstEdge, ...rest })
      return {
        format: 'module',
        source: `const{hit:$hit,same:$same,spread:$spread}=globalThis.${COUNTER};${code}`,
        shortCircuit: true,
      }
    },
  })
  return modules
}
