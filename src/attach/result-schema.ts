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

/** As netlink has it. */
const u32 = v.pipe(countSchema, v.maxValue(0xffff_ffff))

/** @see CniRoute */
export const routeSchema = v.object({
  dst: interfaceAddressSchema,
  gw: v.exactOptional(addressSchema),
  mtu: v.exactOptional(u32),
  advmss: v.exactOptional(u32),
  priority: v.exactOptional(u32),
  table: v.exactOptional(u32),
  scope: v.exactOptional(u32),
})

const texts = v.array(v.string())

/** @see CniDns */
export const dnsSchema = v.object({
  nameservers: v.exactOptional(texts),
  domain: v.exactOptional(v.string()),
  search: v.exactOptional(texts),
  options: v.exactOptional(texts),
})
