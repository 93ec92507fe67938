import * as v from 'valibot'
import { issuesText } from '../base/index.ts'
import { formatPrefix, tryParsePrefix } from '../ip/index.ts'
import { ANNOTATION_PREFIX } from './annotations.ts'
import { quote } from './finding.ts'

/**
 * flannel's leases in etcd version 3: what a node's annotations say in Kubernetes stands there in the value of a key
 * that is made from the node's blocks.
 */

/** Longest value that is looked at; flannel's have some hundred characters. */
const MAX_LENGTH = 8192
/** How flannel writes that a node has no IPv4 address. */
const NO_ADDRESS = '0.0.0.0'

const TYPE = `${ANNOTATION_PREFIX}/backend-type`
const MANAGER = `${ANNOTATION_PREFIX}/kube-subnet-manager`
const ADDRESS = { PublicIP: `${ANNOTATION_PREFIX}/public-ip`, PublicIPv6: `${ANNOTATION_PREFIX}/public-ipv6` }
const DATA = {
  BackendData: `${ANNOTATION_PREFIX}/backend-data`,
  BackendV6Data: `${ANNOTATION_PREFIX}/backend-v6-data`,
}
const FAMILY = { BackendData: ADDRESS.PublicIP, BackendV6Data: ADDRESS.PublicIPv6 }

/** Go's decoder takes what it knows and lets the rest be. */
const leaseAttributes = v.object({
  PublicIP: v.string(),
  PublicIPv6: v.nullish(v.string()),
  BackendType: v.optional(v.string(), ''),
  BackendData: v.optional(v.unknown()),
  BackendV6Data: v.optional(v.unknown()),
})

/** `10.5.3.0-24`, and with a second block `10.5.3.0-24&fd00:5:0:3::-64`: the IPv4 block comes first. */
export function formatLeaseKey(cidrs: readonly string[]): string {
  return cidrs.map(cidr => cidr.replace('/', '-')).join('&')
}

/** The blocks that a key is made from, the IPv4 one first; undefined if it is no such key. */
export function parseLeaseKey(key: string): readonly string[] | undefined {
  const parts = key.split('&')
  if (parts.length > 2) return undefined
  const cidrs: string[] = []
  for (const [index, part] of parts.entries()) {
    const dash = part.lastIndexOf('-')
    const prefix = tryParsePrefix(`${part.slice(0, dash)}/${part.slice(dash + 1)}`)
    if (dash < 0 || prefix?.family !== (index === 0 ? 4 : 6)) return undefined
    cidrs.push(formatPrefix(prefix))
  }
  // Another spelling of a block would be a second key for it.
  return formatLeaseKey(cidrs) === key ? cidrs : undefined
}

/** The annotations that say the same as this value, or what is wrong with it, in words. */
export function annotationsFromLease(value: string): ReadonlyMap<string, string> | string {
  if (value.length > MAX_LENGTH) return `the value is longer than ${MAX_LENGTH} characters`
  let json: unknown
  try {
    json = JSON.parse(value)
  } catch {
    return `the value ${quote(value)} is not JSON`
  }
  const parsed = v.safeParse(leaseAttributes, json)
  if (!parsed.success) return `the value is no lease: ${quote(issuesText(parsed.issues))}`
  const { output } = parsed
  const annotations = new Map([
    [MANAGER, 'true'],
    // Backend alloc has none.
    [TYPE, output.BackendType],
  ])
  // In annotations a backend without data says null, for each family that it has, and extension says nothing.
  const none = output.BackendType === 'extension' ? '' : 'null'
  for (const name of ['PublicIP', 'PublicIPv6'] as const) {
    const address = output[name]
    if (typeof address === 'string' && address !== NO_ADDRESS) annotations.set(ADDRESS[name], address)
  }
  for (const name of ['BackendData', 'BackendV6Data'] as const) {
    const data = output[name] ?? null
    if (annotations.has(FAMILY[name]))
      annotations.set(DATA[name], data === null ? none : JSON.stringify(data))
  }
  return annotations
}

/** The value that says the same as these annotations, with the bytes that flannel writes. */
export function leaseFromAnnotations(annotations: ReadonlyMap<string, string>): string {
  const data = (name: keyof typeof DATA): object => {
    const value: unknown = JSON.parse(annotations.get(DATA[name]) || 'null')
    return value === null ? {} : { [name]: value }
  }
  const type = annotations.get(TYPE) ?? ''
  return JSON.stringify({
    PublicIP: annotations.get(ADDRESS.PublicIP) ?? NO_ADDRESS,
    PublicIPv6: annotations.get(ADDRESS.PublicIPv6) ?? null,
    ...(type === '' ? {} : { BackendType: type }),
    ...data('BackendData'),
    ...data('BackendV6Data'),
  })
}
