import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

export const ROOT = join(import.meta.dirname, '..')

/** What git ignores, for a tree that is not a checkout. */
const IGNORED = new Set(['node_modules', 'build', 'dist', '.cache', '.git'])

/** Every file that belongs to the repository, tracked or about to be: paths relative to the root. */
export function listRepoFiles(root: string = ROOT): string[] {
  const names = gitFiles(root) ?? walk(root, '')
  return names.filter(name => statSync(join(root, name), { throwIfNoEntry: false })?.isFile() === true).sort()
}

function gitFiles(root: string): string[] | undefined {
  try {
    const text = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '-z'], {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    return text.split('\0').filter(name => name !== '')
  } catch {
    return undefined // no git, or no checkout (an unpacked archive)
  }
}

function walk(root: string, below: string): string[] {
  return readdirSync(join(root, below), { withFileTypes: true })
    .filter(entry => !IGNORED.has(entry.name))
    .flatMap(entry => {
      const path = below === '' ? entry.name : `${below}/${entry.name}`
      return entry.isDirectory() ? walk(root, path) : [path]
    })
}

/** A file's text, or undefined if it is not text (or has gone since it was listed). */
export function readText(path: string, root: string = ROOT): string | undefined {
  if (!existsSync(join(root, path))) return undefined
  const bytes = readFileSync(join(root, path))
  return bytes.includes(0) ? undefined : bytes.toString('utf8')
}
