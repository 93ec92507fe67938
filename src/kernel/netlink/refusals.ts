import { errnoName, errorText, type PodlaceError } from '../../base/index.ts'
import type { NetlinkError } from '../../netlink/index.ts'
import { type Entry, entryKey, type LinkEntry } from '../entry.ts'
import { codeOfErrno, type KernelError, kernelError } from '../errors.ts'
import { meansGone } from '../gone.ts'
import { isStacked } from '../kinds/link.ts'
import { vlansWanted } from '../kinds/vlans.ts'
import type { Operation } from '../operation.ts'

export type Failure = PodlaceError<KernelError>

/** The operation's error, or undefined if the refusal means that nothing is left to do. */
export function refusalOf(operation: Operation, error: NetlinkError): Failure | undefined {
  const errno = error.payload.errno === 0 ? undefined : errnoName(error.payload.errno)
  if (operation.op === 'delete' && errno !== undefined && meansGone(operation.entry, errno)) return undefined
  const key = entryKey(operation.entry)
  const what = `${operation.op} ${key}`
  const code = codeOf(operation.entry, errno)
  const payload = { code, key, ...(errno === undefined ? {} : { errno }) }
  if (code !== 'kernel.unsupported') return kernelError(what, error.message, payload, error)
  const feature = featureOf(operation.entry)
  const message = `${what}: this kernel has no ${feature.name}; load it with \`modprobe ${feature.module}\`, or build it in (${feature.config})`
  return kernelError(what, message, payload, error)
}

function codeOf({ kind }: Entry, errno: string | undefined): KernelError['code'] {
  if (errno === undefined) return 'kernel.refused'
  // Said of a kind of qdisc, filter or action, or a family of messages, that this kernel lacks.
  if (errno === 'ENOENT' && BROUGHT_BY_MODULES.has(kind)) return 'kernel.unsupported'
  return codeOfErrno(errno)
}

const BROUGHT_BY_MODULES: ReadonlySet<Entry['kind']> = new Set([
  'qdisc',
  'redirect',
  'wireguard',
  'wireguard-peer',
])

/** The entry says something that cannot even be asked. */
export function invalid(operation: Operation, error: unknown): Failure {
  const key = entryKey(operation.entry)
  const what = `${operation.op} ${key}`
  return kernelError(what, `${what}: ${errorText(error)}`, { code: 'kernel.invalid', key }, error)
}

/** The entry's link is not there; for a deletion that is success. `netns` names the namespace if it is not this one. */
export function linkMissing(operation: Operation, link: string, netns?: string): Failure | undefined {
  if (operation.op === 'delete') return undefined
  const key = entryKey(operation.entry)
  const what = `${operation.op} ${key}`
  const where = netns === undefined ? 'in this namespace' : `in the namespace "${netns}"`
  const message = `${what}: there is no link ${link} ${where}; create it, or name another`
  return kernelError(what, message, { code: 'kernel.link-missing', errno: 'ENODEV', key })
}

/** Something of that name is there already. */
export function exists(operation: Operation): Failure {
  const key = entryKey(operation.entry)
  const what = `${operation.op} ${key}`
  const message = `${what}: there is such a link already; remove it, or choose another name`
  return kernelError(what, message, { code: 'kernel.exists', errno: 'EEXIST', key })
}

/** What we refuse ourselves, before the kernel does or because it would not. */
export function refusal(
  operation: Operation,
  code: KernelError['code'],
  why: string,
  cause?: unknown,
): Failure {
  const key = entryKey(operation.entry)
  const what = `${operation.op} ${key}`
  return kernelError(what, `${what}: ${why}`, { code, key }, cause)
}

/** The element's set is not there; for a deletion that is success. */
export function setMissing(operation: Operation, set: string): Failure | undefined {
  if (operation.op === 'delete') return undefined
  const key = entryKey(operation.entry)
  const what = `${operation.op} ${key}`
  const message = `${what}: there is no set ${set} in this table; create the table first`
  return kernelError(what, message, { code: 'kernel.not-found', errno: 'ENOENT', key })
}

/** Somebody must come with the other namespace that the link has to do with. */
export function namespaceNeeded(operation: Operation, link: LinkEntry, netns: string): Failure {
  const key = entryKey(link)
  const what = `${operation.op} ${key}`
  const advice = link.type === 'veth' ? 'the pod must be attached again' : 'do it while somebody does'
  const message = `${what}: ${partElsewhere(link)} in the namespace "${netns}", which nobody holds now; ${advice}`
  return kernelError(what, message, { code: 'kernel.namespace-needed', key })
}

function partElsewhere(link: LinkEntry): string {
  if (link.type === 'veth') return `its peer ${link.peer.name} belongs`
  if (isStacked(link)) return `its device ${link.device} is`
  return link.type === 'tun' ? 'it is made' : 'it has its place'
}

interface Feature {
  readonly name: string
  readonly module: string
  readonly config: string
}

function featureOf(entry: Entry): Feature {
  switch (entry.kind) {
    case 'link':
      if (vlansWanted(entry) !== undefined || (entry.type === 'bridge' && entry.vlanFiltering === true)) {
        return { name: 'VLAN filtering on bridges', module: 'bridge', config: 'CONFIG_BRIDGE_VLAN_FILTERING' }
      }
      return linkFeature(entry.type)
    case 'nft-table':
    case 'nft-element':
      return {
        name: 'such nftables rules',
        module: 'nf_tables nft_chain_nat nft_masq',
        config: 'CONFIG_NF_TABLES',
      }
    case 'iptables-chain':
      return { name: 'iptables', module: 'nft_compat', config: 'CONFIG_NFT_COMPAT' }
    case 'fdb':
      return { name: 'forwarding entries on this link', module: 'vxlan', config: 'CONFIG_VXLAN' }
    case 'wireguard':
    case 'wireguard-peer':
      return { name: 'WireGuard', module: 'wireguard', config: 'CONFIG_WIREGUARD' }
    case 'qdisc':
      if (entry.qdisc.type !== 'htb')
        return { name: 'qdisc tbf', module: 'sch_tbf', config: 'CONFIG_NET_SCH_TBF' }
      return {
        name: 'qdisc htb, or filter u32',
        module: 'sch_htb cls_u32',
        config: 'CONFIG_NET_SCH_HTB, CONFIG_NET_CLS_U32',
      }
    case 'redirect':
      return {
        name: 'way to redirect what comes in',
        module: 'sch_ingress cls_u32 act_mirred',
        config: 'CONFIG_NET_SCH_INGRESS, CONFIG_NET_CLS_U32, CONFIG_NET_ACT_MIRRED',
      }
    case 'rule':
      return { name: 'policy routing', module: '-', config: 'CONFIG_IP_MULTIPLE_TABLES' }
    case 'address':
    case 'route':
    case 'neighbour':
    case 'sysctl':
    case 'offload':
      return { name: `support for this ${entry.kind}`, module: 'ipv6', config: 'CONFIG_IPV6' }
  }
}

/** Modules that are not called what the links are that they bring. */
const MODULES: ReadonlyMap<string, Omit<Feature, 'name'>> = new Map([
  ['vlan', { module: '8021q', config: 'CONFIG_VLAN_8021Q' }],
  ['ipip', { module: 'ipip', config: 'CONFIG_NET_IPIP' }],
  ['vrf', { module: 'vrf', config: 'CONFIG_NET_VRF' }],
])

function linkFeature(type: LinkEntry['type']): Feature {
  const { module, config } = MODULES.get(type) ?? { module: type, config: `CONFIG_${type.toUpperCase()}` }
  return { name: `links of type ${type}`, module, config }
}
