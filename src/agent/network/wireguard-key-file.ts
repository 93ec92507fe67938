import { mkdirSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { ifThere } from '../../base/index.ts'
import { writeAtomically } from '../../cni/index.ts'
import type { KeyFile } from './wireguard-keys.ts'

/** On disk. */
export function keyFileAt(path: string): KeyFile {
  return {
    path,
    read: () => ifThere(() => readFileSync(path, 'utf8')),
    create(text) {
      mkdirSync(dirname(path), { recursive: true })
      writeAtomically(path, Buffer.from(text), { mode: 0o600, temporary: `${path}.podlace` })
    },
  }
}
