import { hash } from 'node:crypto'
import { isObject, type NetworkConfiguration } from '../cni/index.ts'
import { isOfTheCall } from './of-the-call.ts'
import { keptByConfiguration } from './recent-configurations.ts'

/**
 * Tells plugins of one type in a network's list apart by what the list says of them; 16 digits, hexadecimal. Journals
 * hold it, so it stays as it is.
 */
export const configurationDigest = keptByConfiguration(({ raw }: Pick<NetworkConfiguration, 'raw'>) => {
  const own: Record<string, unknown> = {}
  for (const key of Object.keys(raw).sort()) if (!isOfTheCall(key)) own[key] = inOrder(raw[key])
  return hash('sha256', JSON.stringify(own), 'hex').slice(0, 16)
})

/** A runtime may write the keys in another order the next time. */
function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inOrder)
  if (!isObject(value)) return value
  const ordered: Record<string, unknown> = {}
  for (const key of Object.keys(value).sort()) ordered[key] = inOrder(value[key])
  return ordered
}
