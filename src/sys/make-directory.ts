import { chmodSync, mkdirSync } from 'node:fs'
import { dirname } from 'node:path'

/** Makes a directory that everybody may read, whatever the umask; parents too. One that exists is fine. */
export function makeDirectory(path: string): void {
  const made = mkdirSync(path, { recursive: true })
  if (made === undefined) return
  for (let directory = path; ; directory = dirname(directory)) {
    chmodSync(directory, 0o755)
    if (directory === made) return
  }
}
