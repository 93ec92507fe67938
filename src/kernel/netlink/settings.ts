import { errnoName, hasCode, PodlaceError } from '../../base/index.ts'
import type { Netns } from '../../sys/index.ts'
import { entryKey, type OffloadEntry, type SettingEntry, type SysctlEntry } from '../entry.ts'
import { codeOfErrno, kernelError } from '../errors.ts'
import { linkOfSysctl } from '../kinds/sysctl.ts'
import type { ObservedEntry, Operation } from '../operation.ts'
import type { Failure } from './refusals.ts'

/** Undefined if there is no such sysctl, or no such link. */
export function readSetting(netns: Netns, entry: SettingEntry): ObservedEntry | undefined {
  try {
    return {
      entry: entry.kind === 'sysctl' ? readSysctl(netns, entry) : readOffload(netns, entry),
      mark: 'foreign',
    }
  } catch (error) {
    if (LACKING.some(code => hasCode(error, code))) return undefined
    throw error
  }
}

const LACKING = ['sys.enoent', 'sys.bad-path', 'sys.enodev']

export function writeSetting(netns: Netns, operation: Operation, entry: SettingEntry): Failure | undefined {
  if (operation.op === 'delete') return undefined
  try {
    if (entry.kind === 'sysctl') writeSysctl(netns, operation, entry)
    else netns.writeTxChecksum(entry.link, entry.txChecksum)
    return undefined
  } catch (error) {
    return failure(operation, error)
  }
}

/** Fields are separated by single spaces. */
function readSysctl(netns: Netns, entry: SysctlEntry): SysctlEntry {
  return { ...entry, value: netns.readSysctl(entry.path).trim().replaceAll(/\s+/g, ' ') }
}

function readOffload(netns: Netns, entry: OffloadEntry): OffloadEntry {
  return { ...entry, txChecksum: netns.readTxChecksum(entry.link) }
}

/** Those of all links do much when they are written, whatever the value: they are written only if they differ. */
function writeSysctl(netns: Netns, { op }: Operation, entry: SysctlEntry): void {
  const ofAllLinks = linkOfSysctl(entry.path) === undefined
  const now = op === 'create' && ofAllLinks ? readSetting(netns, entry)?.entry : undefined
  if (now?.kind !== 'sysctl' || now.value !== entry.value) netns.writeSysctl(entry.path, entry.value)
}

function failure(operation: Operation, error: unknown): Failure {
  const key = entryKey(operation.entry)
  const what = `${operation.op} ${key}`
  const message = error instanceof Error ? error.message : String(error)
  const errno = errnoOf(error)
  const payload = { code: errno === undefined ? 'kernel.refused' : codeOfErrno(errno), key } as const
  return kernelError(
    what,
    `${what}: ${message}`,
    { ...payload, ...(errno === undefined ? {} : { errno }) },
    error,
  )
}

function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof PodlaceError)) return undefined
  const payload: object = error.payload
  if (!('errno' in payload) || typeof payload.errno !== 'number' || payload.errno === 0) return undefined
  return errnoName(payload.errno)
}
