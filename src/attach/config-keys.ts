import * as v from 'valibot'
import { issuesText } from '../base/index.ts'
import { linkNameFault } from '../ip/index.ts'
import { invalidConfiguration } from './errors.ts'
import { dnsSchema, routeSchema } from './result-schema.ts'

/** Keys that plugins have in common, and how a configuration is read. */

export const flag = v.optional(v.boolean(), false)

/** Our own key: whether what a pod sends is checked. */
export const guardKey = v.optional(v.boolean(), true)

/** `dns` of a configuration: it wins over what address management says. */
export const dnsKey = v.exactOptional(dnsSchema)

export const linkName = v.pipe(
  v.string(),
  v.check(
    text => linkNameFault(text) === undefined,
    issue => `not the name of an interface: ${linkNameFault(issue.input) ?? ''}`,
  ),
)

/** `routes` of an address management. */
export const routesKey = v.optional(v.array(routeSchema), [])

/** Bytes; 0 leaves it to the kernel. */
export const mtuKey = v.optional(
  v.pipe(
    v.number(),
    v.integer(),
    v.minValue(0),
    v.maxValue(65_535),
    v.check(
      mtu => mtu === 0 || mtu >= 68,
      issue => `${issue.input} is below 68, the least that IPv4 works with (RFC 791)`,
    ),
  ),
  0,
)

/** `mac` of a plugin that has it; empty for none. */
export const macKey = v.optional(v.string(), '')

/** Keys of a plugin that puts the pod's interface on another device. */
export const masterKeys = {
  master: v.optional(v.union([v.literal(''), linkName]), ''),
  mtu: mtuKey,
  linkInContainer: flag,
  dns: dnsKey,
}

/** What translates addresses: nftables, unless iptables is asked for by name. */
export type NatBackend = 'nftables' | 'iptables'

export const backendKey = v.pipe(
  v.optional(v.picklist(['', 'iptables', 'nftables']), ''),
  v.transform((backend): NatBackend => (backend === 'iptables' ? 'iptables' : 'nftables')),
)

/**
 * Reads the keys of a plugin out of a network configuration; keys it does not know are not its business.
 *
 * Throws `attach.invalid-configuration` that names the plugin and the key.
 */
export function readKeys<S extends v.GenericSchema>(
  plugin: string,
  schema: S,
  raw: unknown,
): v.InferOutput<S> {
  const parsed = v.safeParse(schema, raw)
  if (parsed.success) return parsed.output
  throw invalidConfiguration(`the ${plugin} configuration is not valid: ${issuesText(parsed.issues)}`)
}
