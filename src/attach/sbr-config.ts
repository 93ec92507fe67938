import * as v from 'valibot'
import { type Family, familyOf, formatAddress, parseAddress } from '../ip/index.ts'
import { flag, readKeys } from './config-keys.ts'
import { invalidConfiguration } from './errors.ts'
import { addressSchema } from './result-schema.ts'

/** The keys of the `sbr` plugin. */
export interface SbrConfig {
  /** Rules for this routing table alone, which somebody else fills. */
  readonly table?: number
  /** Gateway of the default route, one a family; without one the gateway of the address. */
  readonly gateways: readonly string[]
  /** The subnets of the interface stay in the main table as well. */
  readonly addSourceHints: boolean
}

const schema = v.object({
  table: v.exactOptional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(0xffff_ffff))),
  gateways: v.optional(v.array(addressSchema), []),
  addSourceHints: flag,
})

/** Throws `attach.invalid-configuration`. */
export function parseSbrConfig(raw: unknown): SbrConfig {
  const config = readKeys('sbr', schema, raw)
  const gateways = config.gateways.map(text => formatAddress(parseAddress(text)))
  for (const family of [4, 6] satisfies Family[]) {
    const rivals = gateways.filter(gateway => familyOf(gateway) === family)
    if (rivals.length > 1) {
      throw invalidConfiguration(
        `gateways holds several IPv${family} addresses, ${rivals.join(', ')}: one at most`,
      )
    }
  }
  if (config.table !== undefined && (gateways.length > 0 || config.addSourceHints)) {
    throw invalidConfiguration('with table no routes are moved: remove it, or gateways and addSourceHints')
  }
  return { ...config, gateways }
}
