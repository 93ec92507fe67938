import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Guard } from './guard.ts'

/** What the sources need around them. */
const BESIDE = ['node_modules', 'build', 'package.json']

/** A copy of the sources without one guard; `remove` when it is no longer needed. */
export function copyWithout(root: string, guard: Guard): { readonly directory: string; remove(): void } {
  const directory = mkdtempSync(path.join(tmpdir(), 'podlace-guard-'))
  const remove = () => rmSync(directory, { recursive: true, force: true })
  try {
    cpSync(path.join(root, 'src'), path.join(directory, 'src'), { recursive: true })
    for (const name of BESIDE) symlinkSync(path.join(root, name), path.join(directory, name))
    const file = path.join(directory, 'src', guard.file)
    writeFileSync(file, without(guard, readFileSync(file, 'utf8')))
    return { directory, remove }
  } catch (error) {
    remove()
    throw error
  }
}

/** Throws in words unless the guard is there exactly once. */
export function without({ name, file, find, replace }: Guard, text: string): string {
  const parts = text.split(find)
  if (parts.length !== 2) {
    throw new Error(`the guard "${name}" is ${parts.length - 1} times in src/${file}, expected once: ${find}`)
  }
  return parts.join(replace)
}
