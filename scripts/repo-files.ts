import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

export const ROOT = join(import.meta.dirname, '..')

/** What git ignores, for a tree that is not a checkout. */
const IGNORED = new Set(['node_modules', 'build', 'dist', '.cache', '.git'])

/** Every file that belongs to the repository, tracked or about to be: paths relative to the root. */
export function listRepoFiles(): string[] {
  const names = gitFiles() ?? walk('')
  return names.filter(name => statSync(join(ROOT, name), { throwIfNoEntry: false })?.isFile() === true).sort()
}

function gitFiles(): string[] | undefined {
  try {
    const text = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '-z'], {
      cwd: ROOT,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    return text.split('\0').filter(name => name !== '')
  } catch {
    return undefined // no git, or no checkout (an unpacked archive)
  }
}

function walk(below: string): string[] {
  return readdirSync(join(ROOT, below), { withFileTypes: true })
    .filter(entry => !IGNORED.has(entry.name))
    .flatMap(entry => {
      const path = below === '' ? entry.name : `${below}/${entry.name}`
      return entry.isDirectory() ? walk(path) : [path]
    })
}

/** A file's text, or undefined if it is not text (or has gone since it was listed). */
export function readText(path: string): string | undefined {
  if (!existsSync(join(ROOT, path))) return undefined
  const bytes = readFileSync(join(ROOT, path))
  return bytes.includes(0) ? undefined : bytes.toString('utf8')
}
