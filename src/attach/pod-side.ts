import type { AddressEntry, Entry, LinkEntry } from '../kernel/index.ts'
import { linkHasIpv6 } from './mtu.ts'
import { attachmentOwner } from './names.ts'
import type { AttachmentSpec } from './plan.ts'
import type { CniDns, CniInterface, CniIp } from './result.ts'
import { podSysctls } from './sysctls.ts'

/** The pod's interface with its sysctls, and `lo` up; addresses and routes follow. */
export function podInterface(
  spec: AttachmentSpec,
  link: LinkEntry,
  options: {
    /** False leaves the interface's own means of getting addresses alone. Default true. */
    readonly managed?: boolean
    /** Bytes, where it is known better than by the entry; 0 if the kernel decides. */
    readonly mtu?: number
    readonly detectDuplicates?: boolean
  } = {},
): readonly Entry[] {
  const { managed = true, mtu = link.mtu ?? 0, detectDuplicates = false } = options
  const ipv6 = linkHasIpv6(mtu, spec.podHasIpv6)
  return [
    { kind: 'link', type: 'device', claim: 'use', owner: link.owner, name: 'lo', up: true },
    ...(managed ? podSysctls(link.name, { ipv6, detectDuplicates }) : []),
    link,
  ]
}

/** The pod's end of a veth pair, which is there when its other end has been made. */
export function podEnd(spec: AttachmentSpec, { name, mac, mtu }: CniInterface, up: boolean): LinkEntry {
  return {
    kind: 'link',
    type: 'device',
    claim: 'use',
    owner: attachmentOwner(spec),
    name,
    ...(mac === undefined ? {} : { mac }),
    ...(mtu === undefined ? {} : { mtu }),
    up,
  }
}

export function podAddresses(
  ips: readonly CniIp[],
  link: string,
  options: Pick<AddressEntry, 'noPrefixRoute'> = {},
): readonly AddressEntry[] {
  return ips.map(ip => ({ kind: 'address', link, address: ip.address, ...options }))
}

/** The name servers of the configuration come before those of address management. */
export function resultDns(configured: CniDns | undefined, managed: CniDns): CniDns {
  return configured !== undefined && Object.keys(configured).length > 0 ? configured : managed
}
