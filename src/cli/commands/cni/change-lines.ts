import { basename, dirname } from 'node:path'
import type { Change } from '../../../cni/index.ts'

const WORDS: Readonly<Record<Change['did'], string>> = {
  installed: 'installed',
  replaced: 'replaced by this version',
  'kept-aside': 'kept aside',
  restored: 'put back as it was before',
  removed: 'removed',
  given: "given to the agent's user",
  unchanged: 'as it should be',
  left: 'left, since it is another program',
}

/** Changes as people read them: for each directory and each thing that was done one line. */
export function changeLines(changes: readonly Change[]): readonly string[] {
  const names = new Map<string, string[]>()
  for (const { path, did } of changes) {
    const line = `${dirname(path)}: ${WORDS[did]}`
    names.set(line, [...(names.get(line) ?? []), basename(path)])
  }
  return [...names].map(([line, bases]) => `${line}: ${bases.join(' ')}`)
}
