import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, renameSync, statSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'

export const ROOT = join(import.meta.dirname, '../..')
/** What the benchmarks compile, and what must lie on a disk; not part of the repository. */
export const CACHE = join(ROOT, '.cache')
const SOURCE_FOLDERS = ['bench/support', 'native/common']
const FLAGS = ['-std=gnu11', '-O2', '-Wall', '-Wextra', '-Werror', '-pthread']

/** Where `buildProgram` puts the program that is compiled from `bench/support/<name>.c`. */
export function programPath(name: string): string {
  return join(CACHE, `bench-${name}`)
}

/**
 * Compiles `bench/support/<name>.c`, together with `more` (paths from the root of the repository), if the program is
 * missing or older than any source.
 */
export function buildProgram(name: string, more: readonly string[] = []): string {
  const program = programPath(name)
  if (existsSync(program) && statSync(program).mtimeMs >= newestSource()) return program
  mkdirSync(CACHE, { recursive: true })
  const sources = [`bench/support/${name}.c`, ...more].map(source => join(ROOT, source))
  const temporary = `${program}.${process.pid}`
  execFileSync('cc', [...FLAGS, '-o', temporary, ...sources])
  renameSync(temporary, program)
  return program
}

function newestSource(): number {
  const sources = SOURCE_FOLDERS.flatMap(folder =>
    readdirSync(join(ROOT, folder))
      .filter(file => /\.[ch]$/.test(file))
      .map(file => join(ROOT, folder, file)),
  )
  return Math.max(...sources.map(source => statSync(source).mtimeMs))
}
