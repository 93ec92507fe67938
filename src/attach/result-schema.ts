import * as v from 'valibot'
import { tryParseAddress, tryParseInterfaceAddress } from '../ip/index.ts'

/** The parts of a CNI result as JSON, which configurations have too. */

/** One address. */
export const addressSchema = v.pipe(
  v.string(),
  v.check(
    text => tryParseAddress(text) !== undefined,
    issue => `${issue.received} is not an IP address`,
  ),
)

/** One address with prefix length. */
export const interfaceAddressSchema = v.pipe(
  v.string(),
  v.check(
    text => tryParseInterfaceAddress(text) !== undefined,
    issue => `${issue.received} is not an IP address with prefix length, such as 10.1.2.3/24`,
  ),
)

/** A whole number, 0 or more. */
export const countSchema = v.pipe(v.number(), v.integer(), v.minValue(0))

/** @see CniRoute */
export const routeSchema = v.object({
  dst: interfaceAddressSchema,
  gw: v.exactOptional(addressSchema),
  mtu: v.exactOptional(countSchema),
  advmss: v.exactOptional(countSchema),
  priority: v.exactOptional(countSchema),
  table: v.exactOptional(countSchema),
  scope: v.exactOptional(countSchema),
})

const texts = v.array(v.string())

/** @see CniDns */
export const dnsSchema = v.object({
  nameservers: v.exactOptional(texts),
  domain: v.exactOptional(v.string()),
  search: v.exactOptional(texts),
  options: v.exactOptional(texts),
})
