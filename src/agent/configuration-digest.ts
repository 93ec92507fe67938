import { createHash } from 'node:crypto'
import type { NetworkConfiguration } from '../cni/index.ts'

/** What differs from call to call, though the plugin stands in the network's list once. */
const OF_THE_CALL: ReadonlySet<string> = new Set(['cniVersion', 'prevResult', 'runtimeConfig'])

/** Tells plugins of one type in a network's list apart by what the list says of them; 16 digits, hexadecimal. */
export function configurationDigest({ raw }: Pick<NetworkConfiguration, 'raw'>): string {
  const own = Object.entries(raw).filter(([key]) => !OF_THE_CALL.has(key) && !key.startsWith('cni.dev/'))
  const text = JSON.stringify(Object.fromEntries(own), (_key, value: unknown) => inOrder(value))
  return createHash('sha256').update(text).digest('hex').slice(0, 16)
}

/** A runtime may write the keys in another order the next time. */
function inOrder(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
}
