import * as v from 'valibot'
import { dnsKey, readKeys, routesKey } from './config-keys.ts'
import type { CniDns, CniRoute } from './result.ts'
import { addressSchema, interfaceAddressSchema } from './result-schema.ts'

/** The `ipam` object of type `static`. */
export interface StaticConfig {
  readonly addresses: readonly StaticAddress[]
  readonly routes: readonly CniRoute[]
  readonly dns?: CniDns
}

export interface StaticAddress {
  /** With prefix length. */
  readonly address: string
  /** Empty means the same as none. */
  readonly gateway?: string
}

const schema = v.object({
  addresses: v.optional(
    v.array(
      v.object({
        address: interfaceAddressSchema,
        gateway: v.exactOptional(v.union([v.literal(''), addressSchema])),
      }),
    ),
    [],
  ),
  routes: routesKey,
  dns: dnsKey,
})

/**
 * @param ipam the value of that key
 * @throws `attach.invalid-configuration` that names the key
 */
export function parseStaticConfig(ipam: unknown): StaticConfig {
  return readKeys('static ipam', schema, ipam)
}
