import { readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build, type Plugin } from 'esbuild'

/** Modules find files beside them by these; in the bundle they say where the source lies, as without it. */
const keepsPlaces: Plugin = {
  name: 'keeps-places',
  setup: ({ onLoad }) =>
    onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      const places = new Map([
        ['import.meta.dirname', dirname(path)],
        ['import.meta.filename', path],
        ['import.meta.url', pathToFileURL(path).href],
      ])
      const source = await readFile(path, 'utf8')
      const contents = source.replace(/\bimport\.meta\.(?:dirname|filename|url)\b/g, place =>
        JSON.stringify(places.get(place)),
      )
      return { contents, loader: 'ts' }
    }),
}

/**
 * Makes one module without imports of sources of each: `test/a.test.ts` becomes `OUTPUT/test/a.test.mjs`.
 *
 * An emulated processor takes 12 s to load the 300 modules of an agent, and 3 s for one with all of it. Nor are types
 * stripped there: Node does so by WebAssembly, whose compiler aborts the process now and then where threads are slow
 * (V8 13.6, "Check failed" in its register of code pages).
 */
export async function bundleEach(root: string, files: readonly string[], output: string): Promise<void> {
  await build({
    absWorkingDir: root,
    entryPoints: [...files],
    outbase: root,
    outdir: output,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    sourcemap: 'linked',
    plugins: [keepsPlaces],
    logLevel: 'warning',
  })
}
