import type { Entry } from './entry.ts'

const GONE: ReadonlySet<string> = new Set(['ENODEV', 'ENOENT', 'ESRCH', 'EADDRNOTAVAIL'])

/** True if a delete was answered without having failed: the entry is gone already. */
export function meansGone({ kind }: Entry, errno: string): boolean {
  if (GONE.has(errno)) return true
  // Said of a root qdisc that has another handle than ours, and of a link that has no ingress qdisc.
  return errno === 'EINVAL' && (kind === 'qdisc' || kind === 'redirect')
}
