import { mkdirSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { writeAtomically } from '../../cni/index.ts'
import type { KeyFile } from './wireguard-keys.ts'

/** On disk. */
export function keyFileAt(path: string): KeyFile {
  return {
    path,
    read() {
      try {
        return readFileSync(path, 'utf8')
      } catch (error) {
        // Of one that cannot be read, nobody may think that there is none.
        if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
        throw error
      }
    },
    create(text) {
      mkdirSync(dirname(path), { recursive: true })
      writeAtomically(path, Buffer.from(text), { mode: 0o600, temporary: `${path}.podlace` })
    },
  }
}
