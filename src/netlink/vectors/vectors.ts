import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The messages that each recorded command sent, by command. */
export function readVectors(name: string): Map<string, Uint8Array[]> {
  const vectors = new Map<string, Uint8Array[]>()
  let messages: Uint8Array[] = []
  for (const line of readFileSync(join(import.meta.dirname, `${name}.hex`), 'utf8').split('\n')) {
    if (line.startsWith('$ ')) {
      messages = []
      vectors.set(line.slice(2), messages)
    } else if (/^[0-9a-f]+$/.test(line)) {
      messages.push(Uint8Array.from(Buffer.from(line, 'hex')))
    }
  }
  return vectors
}
