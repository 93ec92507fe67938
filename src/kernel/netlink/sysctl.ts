import { errnoName, hasCode, PodlaceError } from '../../base/index.ts'
import type { Netns } from '../../sys/index.ts'
import { entryKey, type SysctlEntry } from '../entry.ts'
import { codeOfErrno, kernelError } from '../errors.ts'
import { linkOfSysctl } from '../kinds/sysctl.ts'
import type { ObservedEntry, Operation } from '../operation.ts'
import type { Failure } from './refusals.ts'

/** Undefined if there is no such sysctl (or no such link). Fields are separated by single spaces. */
export function readSysctl(netns: Netns, entry: SysctlEntry): ObservedEntry | undefined {
  try {
    const value = netns.readSysctl(entry.path).trim().replaceAll(/\s+/g, ' ')
    return { entry: { ...entry, value }, mark: 'foreign' }
  } catch (error) {
    if (hasCode(error, 'sys.enoent') || hasCode(error, 'sys.bad-path')) return undefined
    throw error
  }
}

/** Those of all links do much when they are written, whatever the value: they are written only if they differ. */
export function writeSysctl(netns: Netns, operation: Operation, entry: SysctlEntry): Failure | undefined {
  if (operation.op === 'delete') return undefined
  try {
    const ofAllLinks = linkOfSysctl(entry.path) === undefined
    const now = operation.op === 'create' && ofAllLinks ? readSysctl(netns, entry) : undefined
    if (now?.entry.kind === 'sysctl' && now.entry.value === entry.value) return undefined
    netns.writeSysctl(entry.path, entry.value)
    return undefined
  } catch (error) {
    return failure(operation, error)
  }
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
