import { readFileSync } from 'node:fs'

/** A UUID that is new at every start of the machine (/proc/sys/kernel/random/boot_id). */
export function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()
}
