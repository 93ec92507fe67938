import { readFileSync } from 'node:fs'

/** Clock ticks per second in /proc/PID/stat; 100 on every Linux that Node runs on (USER_HZ). */
const TICK_MS = 10
/** Fields of /proc/PID/stat after the name: utime and stime, and those of children that have ended and were reaped. */
const FIELDS = { own: [11, 12], children: [13, 14] } as const

/** CPU milliseconds of a process so far, user and system, in steps of 10. */
export function cpuTimeMs(pid: number, ...parts: readonly (keyof typeof FIELDS)[]): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const values = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const ticks = parts.flatMap(part => FIELDS[part]).reduce((sum, field) => sum + Number(values[field]), 0)
  return ticks * TICK_MS
}
