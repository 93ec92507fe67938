import { hash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { errorText, type Logger } from '../base/index.ts'
import { writeAtomically } from '../cni/index.ts'
import { decodeRecord, encodeRecord, type LeaseRecord, recordKey } from './record.ts'

/** Where leases outlive the daemon. */
export interface LeaseStore {
  /** Those of the machine's present life; others are forgotten, since their namespaces are gone. */
  load(): readonly LeaseRecord[]
  /** On disk when it returns. Throws what the file system refuses. */
  write(record: LeaseRecord): void
  remove(key: string): void
}

const SUFFIX = '.lease'

/**
 * One file a lease, whose name is a hash: container ids may be as long as file names. The first line is the SHA-256 of
 * the second, the second names the machine's life and has the record.
 *
 * @param bootId names the machine's life
 */
export function leaseFiles(directory: string, bootId: string, log: Logger): LeaseStore {
  const pathOf = (key: string) => path.join(directory, `${hash('sha256', key).slice(0, 32)}${SUFFIX}`)
  const readOne = (file: string): LeaseRecord | string | undefined => {
    const [checksum, body = ''] = fs.readFileSync(file, 'utf8').split('\n')
    if (checksum !== hash('sha256', body)) return 'its checksum is wrong'
    const content = JSON.parse(body) as { readonly bootId: string; readonly record: unknown }
    return content.bootId === bootId ? decodeRecord(content.record) : undefined
  }
  return {
    load: () =>
      fs
        .readdirSync(directory)
        .filter(name => name.endsWith(SUFFIX))
        .flatMap(name => {
          const file = path.join(directory, name)
          const record = readOne(file)
          if (typeof record === 'object') return [record]
          if (record !== undefined)
            log.error('a lease cannot be read and is forgotten', { file, error: record })
          fs.rmSync(file, { force: true })
          return []
        }),
    write: record => {
      const body = `{"bootId":${JSON.stringify(bootId)},"record":${encodeRecord(record)}}`
      const file = pathOf(recordKey(record))
      const bytes = Buffer.from(`${hash('sha256', body)}\n${body}\n`)
      writeAtomically(file, bytes, { mode: 0o600, temporary: `${file}.new` })
    },
    remove: key => {
      try {
        fs.rmSync(pathOf(key), { force: true })
      } catch (error) {
        // It would come back once, and go when its namespace is found to be gone.
        log.error('the file of a lease cannot be removed', { lease: key, error: errorText(error) })
      }
    },
  }
}
