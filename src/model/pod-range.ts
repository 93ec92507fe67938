import { formatPrefix, overlaps, type Prefix, parsePrefix } from '../ip/index.ts'

/** Prefixes that hosts treat in a way of their own (RFC 6890): a pod there could not be reached, or break its node. */
const RESERVED: readonly { readonly prefix: Prefix; readonly what: string }[] = [
  ['0.0.0.0/8', 'this host (RFC 1122)'],
  ['127.0.0.0/8', 'loopback (RFC 1122)'],
  ['169.254.0.0/16', 'link-local (RFC 3927)'],
  ['224.0.0.0/4', 'multicast (RFC 5771)'],
  ['240.0.0.0/4', 'reserved (RFC 1112)'],
  ['::/96', 'unspecified and loopback (RFC 4291)'],
  ['::ffff:0.0.0.0/96', 'IPv4-mapped (RFC 4291)'],
  ['fe80::/10', 'link-local (RFC 4291)'],
  ['ff00::/8', 'multicast (RFC 4291)'],
].map(([text = '', what = '']) => ({ prefix: parsePrefix(text), what }))

/** Why pods cannot have addresses of this prefix: `127.0.0.0/8 is loopback (RFC 1122)`; undefined if they can. */
export function reservedRange(network: Prefix): string | undefined {
  const found = RESERVED.find(({ prefix }) => overlaps(prefix, network))
  return found && `${formatPrefix(found.prefix)} is ${found.what}`
}
