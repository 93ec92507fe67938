import { crc32 } from 'node:zlib'

/**
 * The journal's text form: one record a line, `crc32 json`, the rest of the file zero bytes. Each line carries its
 * own checksum, so that a torn last write is told apart from damage in the middle.
 */
export interface ReadLines {
  readonly records: readonly unknown[]
  /** Where the next line goes, in bytes. */
  readonly end: number
  /** Unreadable lines that valid ones follow: the file was damaged, not merely cut short. */
  readonly damaged: number
  /** The last line was cut short, as a crash in the middle of a write leaves it. */
  readonly torn: boolean
}

const NEWLINE = 0x0a

export function encodeLine(record: unknown): Uint8Array {
  const json = JSON.stringify(record)
  return Buffer.from(`${checksum(json)} ${json}\n`)
}

export function decodeLines(bytes: Uint8Array): ReadLines {
  const used = usedLength(bytes)
  const records: unknown[] = []
  let damaged = 0
  let pendingDamage = 0
  let end = 0
  for (let start = 0; start < used; ) {
    const newline = bytes.indexOf(NEWLINE, start)
    const stop = newline === -1 || newline >= used ? used : newline
    const record = decodeLine(
      Buffer.from(bytes.buffer, bytes.byteOffset + start, stop - start).toString('utf8'),
    )
    if (record === undefined) {
      pendingDamage += 1
    } else {
      damaged += pendingDamage
      pendingDamage = 0
      records.push(record.value)
      end = stop + 1
    }
    start = stop + 1
  }
  return { records, end, damaged: damaged + Math.max(0, pendingDamage - 1), torn: pendingDamage > 0 }
}

function decodeLine(line: string): { value: unknown } | undefined {
  const json = line.slice(9)
  if (line[8] !== ' ' || line.slice(0, 8) !== checksum(json)) return undefined
  return { value: JSON.parse(json) as unknown }
}

function checksum(text: string): string {
  return crc32(text).toString(16).padStart(8, '0')
}

/** Bytes up to the zero padding; JSON never contains a zero byte. */
function usedLength(bytes: Uint8Array): number {
  let end = bytes.length
  while (end > 0 && bytes[end - 1] === 0) end -= 1
  return end
}
