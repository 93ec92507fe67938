/**
 * Bundles `src/cli/main.ts` into `dist/podlace.mjs` and the chunks that it imports, which Node runs without
 * `node_modules`. A daemon loads only the chunks of its own command: all in one file cost an agent 5 MB, `--help` 18.
 *
 * The addon stays outside, as `../build/podlace.node` seen from a chunk. Nothing is done when no input is newer
 * than the bundle; `--force` builds anyway.
 */
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import process from 'node:process'
import { build } from 'esbuild'
import { builtinsByName } from './bundle-plugins.ts'

const ROOT = join(import.meta.dirname, '..')
const ENTRY = 'src/cli/main.ts'
const DIST = 'dist'
const BUNDLE = `${DIST}/podlace.mjs`
/** What the last build read, and what it wrote: paths relative to the root. */
const RECORD = `${DIST}/podlace.json`

/** How it is built. */
const OWN = ['scripts/build.ts', 'scripts/bundle-plugins.ts']

interface Built {
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
}

/** CommonJS packages inside the bundle expect these three, which an ES module does not have. */
const BANNER = [
  "import { createRequire as __createRequire } from 'node:module'",
  'const require = __createRequire(import.meta.url)',
  'const __filename = import.meta.filename',
  'const __dirname = import.meta.dirname',
].join('\n')

/** Milliseconds since 1970, or Infinity for a file that is gone (which asks for a build). */
function modifiedMs(path: string): number {
  return statSync(join(ROOT, path), { throwIfNoEntry: false })?.mtimeMs ?? Number.POSITIVE_INFINITY
}

/** True if the bundle is there and everything it was made from is older. */
function upToDate(): boolean {
  if (!existsSync(join(ROOT, RECORD))) return false
  const { inputs, outputs }: Built = JSON.parse(readFileSync(join(ROOT, RECORD), 'utf8'))
  if (!outputs.every(path => existsSync(join(ROOT, path)))) return false
  const builtMs = modifiedMs(RECORD)
  return [...inputs, ...OWN, 'package-lock.json'].every(path => modifiedMs(path) <= builtMs)
}

async function bundle(): Promise<void> {
  // A build that is cut short is none.
  rmSync(join(ROOT, RECORD), { force: true })
  const result = await build({
    absWorkingDir: ROOT,
    entryPoints: { podlace: ENTRY },
    outdir: DIST,
    outExtension: { '.js': '.mjs' },
    chunkNames: '[name]-[hash]',
    bundle: true,
    splitting: true,
    platform: 'node',
    format: 'esm',
    target: 'node22',
    sourcemap: 'linked',
    metafile: true,
    external: ['*.node'],
    plugins: [builtinsByName],
    banner: { js: BANNER },
    logLevel: 'warning',
  })
  const built: Built = {
    // A plugin's inputs are no files: `builtin:node:fs`.
    inputs: Object.keys(result.metafile.inputs)
      .filter(path => !path.includes(':'))
      .sort(),
    outputs: Object.keys(result.metafile.outputs).sort(),
  }
  removeOthers(new Set(built.outputs.map(path => basename(path))))
  writeFileSync(join(ROOT, `${RECORD}.new`), JSON.stringify(built))
  renameSync(join(ROOT, `${RECORD}.new`), join(ROOT, RECORD))
}

/** Chunks of the builds before: their names have a hash of what is in them. */
function removeOthers(made: ReadonlySet<string>): void {
  const others = readdirSync(join(ROOT, DIST)).filter(name => !made.has(name))
  for (const name of others) rmSync(join(ROOT, DIST, name), { recursive: true, force: true })
}

if (!existsSync(join(ROOT, ENTRY))) {
  process.stderr.write(`build: ${ENTRY} does not exist, so there is nothing to bundle\n`)
  process.exitCode = 1
} else if (process.argv.includes('--force') || !upToDate()) {
  const startMs = performance.now()
  try {
    await bundle()
    process.stdout.write(`build: ${BUNDLE} made in ${Math.round(performance.now() - startMs)} ms\n`)
  } catch (error) {
    // What is wrong with the sources esbuild has said itself.
    if (!(error instanceof Error && 'errors' in error)) process.stderr.write(`build: ${String(error)}\n`)
    process.exitCode = 1
  }
}
