import { constants } from 'node:os'

/** Two names for one number: the one that Linux's own headers and netlink errors use. */
const PREFERRED: ReadonlySet<string> = new Set(['EAGAIN', 'EOPNOTSUPP', 'EDEADLK'])

/** What the kernel returns and Node's table lacks (include/linux/errno.h, asm-generic/errno.h). */
const MORE = new Map([
  [44, 'ECHRNG'],
  [76, 'ENOTUNIQ'],
  [77, 'EBADFD'],
  [85, 'ERESTART'],
  [96, 'EPFNOSUPPORT'],
  [112, 'EHOSTDOWN'],
  [117, 'EUCLEAN'],
  [122, 'EDQUOT'],
  [126, 'ENOKEY'],
  [524, 'ENOTSUPP'],
])

const NAMES: ReadonlyMap<number, string> = buildNames()

function buildNames(): Map<number, string> {
  const names = new Map(MORE)
  for (const [name, number] of Object.entries(constants.errno)) {
    if (!names.has(number) || PREFERRED.has(name)) names.set(number, name)
  }
  return names
}

/**
 * `19` → `ENODEV`; a number without a name → `E<number>`. The sign does not matter (netlink's are negative).
 */
export function errnoName(errno: number): string {
  const number = Math.abs(errno)
  return NAMES.get(number) ?? `E${number}`
}
