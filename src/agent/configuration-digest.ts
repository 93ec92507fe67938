import { createHash } from 'node:crypto'
import type { NetworkConfiguration } from '../cni/index.ts'
import { isOfTheCall } from './of-the-call.ts'

/** Tells plugins of one type in a network's list apart by what the list says of them; 16 digits, hexadecimal. */
export function configurationDigest({ raw }: Pick<NetworkConfiguration, 'raw'>): string {
  const own = Object.entries(raw).filter(([key]) => !isOfTheCall(key))
  const text = JSON.stringify(Object.fromEntries(own), (_key, value: unknown) => inOrder(value))
  return createHash('sha256').update(text).digest('hex').slice(0, 16)
}

/** A runtime may write the keys in another order the next time. */
function inOrder(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
}
