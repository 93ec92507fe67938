import assert from 'node:assert/strict'
import { dirname, join } from 'node:path'
import { it } from 'node:test'
import { readImports } from '../../scripts/imports.ts'
import { listRepoFiles, readText } from '../../scripts/repo-files.ts'

const files = new Set(listRepoFiles())

/** Every file that the `podlace` command can load, and the packages it names on the way: package -> first file. */
function reach(entry: string): { readonly files: Set<string>; readonly packages: Map<string, string> } {
  const seen = new Set<string>()
  const packages = new Map<string, string>()
  const open = [entry]
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    if (seen.has(path)) continue
    seen.add(path)
    if (!path.endsWith('.ts') || !files.has(path)) continue
    for (const { specifier } of readImports(readText(path) ?? '')) {
      if (specifier.startsWith('.')) open.push(join(dirname(path), specifier))
      else if (!packages.has(specifier)) packages.set(specifier, path)
    }
  }
  return { files: seen, packages }
}

/** `@hono/node-server` of `@hono/node-server/serve-static`. */
function nameOf(specifier: string): string {
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
}

it('the program is made of files that exist, and of no test', () => {
  const program = [...reach('src/cli/main.ts').files]
  assert.deepEqual(
    program.filter(path => !files.has(path)),
    [],
    'missing',
  )
  assert.deepEqual(
    program.filter(path => /\.test\.ts$|\/testing(\.ts$|\/)|-suite\.ts$/.test(path)),
    [],
    'for tests only',
  )
})

it('the program imports the packages it declares and no others', () => {
  const manifest: { dependencies: Record<string, string> } = JSON.parse(readText('package.json') ?? '{}')
  const declared = Object.keys(manifest.dependencies)
  const { packages } = reach('src/cli/main.ts')
  const foreign = [...packages].filter(
    ([specifier]) =>
      specifier === 'node:test' || !(specifier.startsWith('node:') || declared.includes(nameOf(specifier))),
  )
  assert.deepEqual(
    foreign.map(([specifier, path]) => `${path}: ${specifier}`),
    [],
  )
  const used = new Set([...packages.keys()].map(nameOf))
  assert.deepEqual(
    declared.filter(name => !used.has(name)),
    [],
    'declared, but not used',
  )
})
