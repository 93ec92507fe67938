import {
  type Family,
  formatAddress,
  formatPrefix,
  type InterfaceAddress,
  parseInterfaceAddress,
} from '../ip/index.ts'
import { type IptablesChainEntry, iptablesRule } from '../kernel/index.ts'
import { MULTICAST } from './known-prefixes.ts'
import { attachmentOwner, iptablesChainName } from './names.ts'
import type { AttachmentSpec } from './plan.ts'
import { type CniIp, ipFamily } from './result.ts'

/** Masquerading with iptables: a chain for each attachment and family, which what comes from its addresses passes. */
export function masqueradeChains(spec: AttachmentSpec, ips: readonly CniIp[]): readonly IptablesChainEntry[] {
  const families = [...new Set(ips.map(ipFamily))]
  return families.map(family => {
    const own = ips.filter(ip => ipFamily(ip) === family)
    const addresses = own.map(({ address }) => parseInterfaceAddress(address))
    return masqueradeChain(spec, family, addresses)
  })
}

function masqueradeChain(
  spec: AttachmentSpec,
  family: Family,
  addresses: readonly InterfaceAddress[],
): IptablesChainEntry {
  const owner = attachmentOwner(spec)
  const name = iptablesChainName('MASQ', spec)
  const subnets = new Set(addresses.map(({ prefix }) => formatPrefix(prefix)))
  return {
    kind: 'iptables-chain',
    family,
    table: 'nat',
    name,
    rules: [
      // Not ACCEPT: what others do to a packet that stays as it is, is for them to say.
      ...Array.from(subnets, subnet => iptablesRule(owner, '-d', subnet, '-j', 'RETURN')),
      iptablesRule(owner, '!', '-d', MULTICAST[family], '-j', 'MASQUERADE', '--random-fully'),
    ],
    jumps: addresses.map(({ address }) => ({
      from: 'POSTROUTING',
      rule: iptablesRule(owner, '-s', formatAddress(address), '-j', name),
    })),
  }
}
