import { readdirSync, readFileSync } from 'node:fs'

/**
 * A process that cannot be mistaken for another: the kernel reuses pids, but not together with the start time
 * (field 22 of /proc/<pid>/stat, clock ticks since boot).
 */
export interface ProcessIdentity {
  readonly pid: number
  readonly startTicks: number
}

/** Identity of a process that runs now; undefined if there is none, or only its corpse (state Z or X). */
export function identify(pid: number): ProcessIdentity | undefined {
  const stat = readStat(pid)
  return stat === undefined ? undefined : { pid, startTicks: stat.startTicks }
}

export function isAlive(identity: ProcessIdentity): boolean {
  return readStat(identity.pid)?.startTicks === identity.startTicks
}

/** Signals the process if it is still the one meant; false if it has gone. */
export function signalProcess(identity: ProcessIdentity, signal: NodeJS.Signals): boolean {
  if (!isAlive(identity)) return false
  try {
    process.kill(identity.pid, signal)
    return true
  } catch {
    return false // gone between the look and the kill
  }
}

/** Every process whose environment holds `NAME=value`; finds what a crash kept from being written down. */
export function processesWithEnvironment(name: string, value: string): ProcessIdentity[] {
  const wanted = `${name}=${value}`
  const found: ProcessIdentity[] = []
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry) || Number(entry) === process.pid) continue
    if (!environmentOf(entry).includes(wanted)) continue
    const identity = identify(Number(entry))
    if (identity !== undefined) found.push(identity)
  }
  return found
}

function environmentOf(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0')
  } catch {
    return [] // gone, or a kernel thread
  }
}

/** The command name may hold spaces and parentheses, so fields are counted from the last `)`. */
function readStat(pid: number): { startTicks: number } | undefined {
  let text: string
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'latin1')
  } catch {
    return undefined
  }
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const state = fields[0]
  const startTicks = Number(fields[19])
  if (state === 'Z' || state === 'X' || !Number.isSafeInteger(startTicks)) return undefined
  return { startTicks }
}
