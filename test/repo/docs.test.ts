import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, it } from 'node:test'
import { listRepoFiles, ROOT, readText } from '../../scripts/repo-files.ts'

const pages = listRepoFiles().filter(path => path.endsWith('.md'))
const tests = new Set(listRepoFiles().filter(path => path.endsWith('.test.ts')))
const textOf = (path: string): string => readText(path) ?? ''

/** The anchor that a heading gets on the usual code hosts. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replace(/\s/g, '-')
}

function anchors(path: string): Set<string> {
  const headings = withoutFences(textOf(path)).match(/^#+ .*$/gm) ?? []
  return new Set(headings.map(line => anchorOf(line.replace(/^#+ /, ''))))
}

/** What stands below a heading of the second rank. */
function sectionOf(text: string, heading: string): string {
  const [, section = ''] = text.split(`\n## ${heading}\n`)
  return section.split('\n## ')[0] ?? ''
}

/** The test files that a row of the table names. */
function proofs(row: string): string[] {
  return [...row.matchAll(/`([\w./-]+\.test\.ts)`/g)].map(match => match[1] ?? '')
}

const withoutFences = (text: string): string => text.replace(/^```[\s\S]*?^```/gm, '')
/** What a page shows as code: fenced blocks and inline pieces. */
const codeOf = (text: string): string =>
  [...(text.match(/^```[\s\S]*?^```/gm) ?? []), ...(withoutFences(text).match(/`[^`\n]+`/g) ?? [])].join('\n')

describe('the documents', () => {
  it('are there', () => {
    for (const page of ['README', 'ARCHITECTURE', 'CONTRIBUTING', 'CHANGELOG', 'SECURITY']) {
      assert.ok(pages.includes(`${page}.md`), page)
    }
    assert.match(textOf('LICENSE'), /Apache License\s+Version 2\.0/)
  })

  it('have no dead relative link', () => {
    const dead = pages.flatMap(page =>
      [...withoutFences(textOf(page)).matchAll(/\]\(([^)\s]+)\)/g)]
        .map(match => match[1] ?? '')
        .filter(link => !/^[a-z]+:/.test(link))
        .filter(link => !resolves(page, link))
        .map(link => `${page}: ${link}`),
    )
    assert.deepEqual(dead, [])
  })

  it('name only npm scripts that exist', () => {
    const scripts = new Set(scriptNames())
    assert.ok(scripts.has('test'))
    assert.deepEqual(namedIn(/\bnpm run ([a-z][\w:-]*)/g, scripts), [])
  })

  it('name only make targets that exist', () => {
    const targets = new Set([...textOf('Makefile').matchAll(/^([a-z]+):/gm)].map(match => match[1] ?? ''))
    assert.ok(targets.has('demo'))
    assert.deepEqual(namedIn(/(?:^|[`$#&;(] ?)make ([a-z]+)/gm, targets), [])
  })

  it('name only files of the repository as proofs, and a proof for each promise', () => {
    const table = sectionOf(textOf('docs/testing.md'), 'What proves what').match(/^\| .* \|$/gm) ?? []
    const rows = table.filter(line => !line.startsWith('| promise |'))
    assert.ok(rows.length > 20, 'the table is there')
    assert.deepEqual(
      rows.filter(row => proofs(row).length === 0),
      [],
    )
    assert.deepEqual(
      rows.flatMap(proofs).filter(path => !tests.has(path)),
      [],
    )
  })

  it('name only folders and files of the sources that exist', () => {
    const named = /`((?:src|scripts|bench|test|native|docs)\/[\w./-]*)`/g
    const dead = pages.flatMap(page =>
      [...withoutFences(textOf(page)).matchAll(named)]
        .map(match => match[1] ?? '')
        .filter(path => !existsSync(join(ROOT, path)))
        .map(path => `${page}: ${path}`),
    )
    assert.deepEqual(dead, [])
  })

  it('name every target and script of the repository somewhere', () => {
    const all = pages.map(page => textOf(page)).join('\n')
    const unnamed = scriptNames().filter(
      name => !all.includes(`npm run ${name}`) && !all.includes(`npm ${name}`),
    )
    assert.deepEqual(unnamed, [])
  })
})

function scriptNames(): string[] {
  const manifest: unknown = JSON.parse(textOf('package.json'))
  assert.ok(typeof manifest === 'object' && manifest !== null && 'scripts' in manifest)
  return Object.keys(manifest.scripts ?? {})
}

/** `page: name` for each name in shown code that is not known. */
function namedIn(pattern: RegExp, known: ReadonlySet<string>): string[] {
  return pages.flatMap(page =>
    [...codeOf(textOf(page)).matchAll(pattern)]
      .map(match => match[1] ?? '')
      .filter(name => !known.has(name))
      .map(name => `${page}: ${name}`),
  )
}

function resolves(page: string, link: string): boolean {
  const [path = '', anchor] = link.split('#')
  const target = path === '' ? page : join(dirname(page), path)
  if (!existsSync(join(ROOT, target))) return false
  return anchor === undefined || !target.endsWith('.md') || anchors(target).has(anchor)
}
