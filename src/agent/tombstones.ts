import fs from 'node:fs'
import path from 'node:path'

/** A DEL that the shim recorded while no agent answered: the request as it would have been sent. */
export interface Tombstone {
  readonly file: string
  readonly payload: Uint8Array
}

/** Reads what the shim left in `<stateDir>/tombstones`, oldest first. Unfinished temporary files are not touched. */
export function readTombstones(stateDir: string): Tombstone[] {
  const directory = path.join(stateDir, 'tombstones')
  fs.mkdirSync(directory, { recursive: true, mode: 0o700 })
  return fs
    .readdirSync(directory, { withFileTypes: true })
    .filter(item => item.isFile() && !item.name.startsWith('.'))
    .map(item => path.join(directory, item.name))
    .sort((a, b) => fs.statSync(a).mtimeMs - fs.statSync(b).mtimeMs)
    .map(file => ({ file, payload: fs.readFileSync(file) }))
}

/** Forgets a tombstone whose DEL was carried out. */
export function removeTombstone(tombstone: Tombstone): void {
  fs.rmSync(tombstone.file, { force: true })
}
