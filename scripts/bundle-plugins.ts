import process from 'node:process'
import type { Plugin } from 'esbuild'

/**
 * Takes of Node's own modules what is imported, and no more. An `import` of one reads all that it exports, and so loads
 * what others load when they are asked for: `node:http` has a WebSocket, and with it comes the whole of undici.
 */
export const builtinsByName: Plugin = {
  name: 'builtins-by-name',
  setup(build) {
    build.onResolve({ filter: /^node:/ }, ({ path, kind }) =>
      kind === 'import-statement' ? { path, namespace: 'builtin' } : undefined,
    )
    build.onLoad({ filter: /^/, namespace: 'builtin' }, ({ path }) => ({ contents: moduleOf(path) }))
  },
}

/** The calls are marked as having no effect, so that esbuild drops those of names which nobody imports. */
function moduleOf(builtin: string): string {
  const names = Object.keys(process.getBuiltinModule(builtin) ?? {})
  return [
    `const builtin = /* @__PURE__ */ process.getBuiltinModule('${builtin}')`,
    'const take = name => builtin[name]',
    'export default builtin',
    ...names.map(name => `export const ${name} = /* @__PURE__ */ take('${name}')`),
  ].join('\n')
}
