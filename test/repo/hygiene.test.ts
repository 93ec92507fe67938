import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, it } from 'node:test'
import { readImports, readSource } from '../../scripts/imports.ts'
import { listRepoFiles, ROOT, readText } from '../../scripts/repo-files.ts'

const files = listRepoFiles()

/** `path:line: text` for each line of each file that the pattern matches. */
function grep(paths: readonly string[], pattern: RegExp, read = readText): string[] {
  return paths.flatMap(path =>
    (read(path) ?? '')
      .split('\n')
      .flatMap((line, index) => (pattern.test(line) ? [`${path}:${index + 1}: ${line.trim()}`] : [])),
  )
}

const codeOf = (path: string): string => readSource(readText(path) ?? '').withStrings

describe('the repository', () => {
  it('contains files at all', () => {
    assert.ok(files.includes('package.json') && files.includes('src/base/index.ts'))
  })

  it('names no place of one machine and no registry', () => {
    // The patterns are put together so that this file does not match itself.
    const places = ['root', 'home', 'work'].map(name => `(?<![\\w.$}*-])/${name}/`)
    const pattern = new RegExp([...places, ['registry', 'npmjs'].join('\\.')].join('|'))
    assert.deepEqual(grep(files, pattern), [])
  })

  it('holds no binaries', () => {
    const binaries = files.filter(path => readText(path) === undefined && existsSync(join(ROOT, path)))
    assert.deepEqual(binaries, [])
  })

  it('ends every text file with one line break', () => {
    const wrong = files.filter(path => {
      const text = readText(path)
      return text !== undefined && text !== '' && (!text.endsWith('\n') || text.endsWith('\n\n'))
    })
    assert.deepEqual(wrong, [])
  })
})

describe('package.json and the lockfile', () => {
  it('name exact versions only', () => {
    const manifest: unknown = JSON.parse(readText('package.json') ?? '{}')
    assert.ok(typeof manifest === 'object' && manifest !== null)
    const groups = new Map<string, unknown>(Object.entries(manifest))
    for (const group of ['dependencies', 'devDependencies', 'optionalDependencies']) {
      for (const [name, version] of Object.entries(groups.get(group) ?? {})) {
        assert.match(String(version), /^\d+\.\d+\.\d+(-[\w.]+)?$/, `${group}: ${name}`)
      }
    }
  })

  it('name no host that a package would come from', () => {
    assert.deepEqual(grep(['package-lock.json'], /"resolved"|"(?:file|git|https?):(?!.*"$)|git\+/), [])
  })

  it('have a checksum for every package', () => {
    const text = readText('package-lock.json') ?? ''
    const packages = text.match(/^ {4}"node_modules\/[^"]+": \{$/gm)?.length ?? 0
    const checksums = text.match(/^ {6}"integrity": "sha512-/gm)?.length ?? 0
    assert.ok(packages > 0)
    assert.equal(checksums, packages)
  })
})

describe('the lockfile', () => {
  it('has an entry for every optional package: npm ci refuses a lockfile that was made where some are missing', () => {
    const lock: { packages: Record<string, { optionalDependencies?: Record<string, string> }> } = JSON.parse(
      readText('package-lock.json') ?? '{}',
    )
    const wanted = Object.values(lock.packages).flatMap(one => Object.keys(one.optionalDependencies ?? {}))
    assert.ok(wanted.length > 0)
    const known = new Set(Object.keys(lock.packages).map(path => path.replace(/^.*node_modules\//, '')))
    assert.deepEqual(
      wanted.filter(name => !known.has(name)),
      [],
    )
  })
})

const asserts = (path: string): boolean => /\bassert\b[\w.]*\(/.test(codeOf(path))

/** The files of the repository that a test imports. */
function helpers(path: string): string[] {
  return readImports(readText(path) ?? '')
    .filter(({ specifier }) => specifier.startsWith('.'))
    .map(({ specifier }) => join(dirname(path), specifier))
    .filter(helper => files.includes(helper))
}

describe('the tests', () => {
  const tests = files.filter(path => path.endsWith('.test.ts'))

  it('are each in use: nothing is the only one, nothing is skipped without a reason', () => {
    const dot = '\\.'
    const bare = new RegExp(
      `\\b(?:it|test|describe|suite)${dot}(?:only|skip|todo)\\b|\\b(?:only|skip|todo):\\s*true\\b`,
    )
    assert.deepEqual(grep(tests, bare, codeOf), [])
  })

  it('assert something, themselves or by a suite of their own room', () => {
    assert.deepEqual(
      tests.filter(path => !asserts(path) && !helpers(path).some(asserts)),
      [],
    )
  })

  it('have no empty body', () => {
    const empty = /\b(?:it|test)\([^\n]*(?:=>|\))\s*\{\s*\}\s*\)/
    assert.deepEqual(grep(tests, empty, codeOf), [])
  })

  it('name their temporary folders podlace-..., so that leftovers are recognised', () => {
    assert.deepEqual(grep(tests, /\bmkdtemp(?:Sync)?\((?!.*podlace-)/, codeOf), [])
  })
})
