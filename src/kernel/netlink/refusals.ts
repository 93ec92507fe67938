import { errnoName, errorText, type PodlaceError } from '../../base/index.ts'
import type { NetlinkError } from '../../netlink/index.ts'
import { type Entry, entryKey, type LinkEntry } from '../entry.ts'
import { codeOfErrno, type KernelError, kernelError } from '../errors.ts'
import type { Operation } from '../operation.ts'

export type Failure = PodlaceError<KernelError>

/** What a delete may be answered without having failed: it is gone already. */
const GONE: ReadonlySet<string> = new Set(['ENODEV', 'ENOENT', 'ESRCH', 'EADDRNOTAVAIL'])

/** The operation's error, or undefined if the refusal means that nothing is left to do. */
export function refusalOf(operation: Operation, error: NetlinkError): Failure | undefined {
  const errno = error.payload.errno === 0 ? undefined : errnoName(error.payload.errno)
  if (operation.op === 'delete' && errno !== undefined && GONE.has(errno)) return undefined
  const key = entryKey(operation.entry)
  const what = `${operation.op} ${key}`
  const code = errno === undefined ? 'kernel.refused' : codeOfErrno(errno)
  const payload = { code, key, ...(errno === undefined ? {} : { errno }) }
  if (code !== 'kernel.unsupported') return kernelError(what, error.message, payload, error)
  const feature = featureOf(operation.entry)
  const message = `${what}: this kernel has no ${feature.name}; load it with \`modprobe ${feature.module}\`, or build it in (${feature.config})`
  return kernelError(what, message, payload, error)
}

/** The entry says something that cannot even be asked. */
export function invalid(operation: Operation, error: unknown): Failure {
  const key = entryKey(operation.entry)
  const what = `${operation.op} ${key}`
  return kernelError(what, `${what}: ${errorText(error)}`, { code: 'kernel.invalid', key }, error)
}

/** The entry's link is not there; for a deletion that is success. */
export function linkMissing(operation: Operation, link: string): Failure | undefined {
  if (operation.op === 'delete') return undefined
  const key = entryKey(operation.entry)
  const what = `${operation.op} ${key}`
  const message = `${what}: there is no link ${link} in this namespace; create it, or name another`
  return kernelError(what, message, { code: 'kernel.link-missing', errno: 'ENODEV', key })
}

/** The element's set is not there; for a deletion that is success. */
export function setMissing(operation: Operation, set: string): Failure | undefined {
  if (operation.op === 'delete') return undefined
  const key = entryKey(operation.entry)
  const what = `${operation.op} ${key}`
  const message = `${what}: there is no set ${set} in this table; create the table first`
  return kernelError(what, message, { code: 'kernel.not-found', errno: 'ENOENT', key })
}

/** Somebody must come with the pod's namespace. */
export function namespaceNeeded(link: Extract<LinkEntry, { type: 'veth' }>): Failure {
  const key = entryKey(link)
  const message =
    `create ${key}: its peer ${link.peer.name} belongs into the namespace "${link.peer.netns}", which nobody holds now; ` +
    'the pod must be attached again'
  return kernelError(`create ${key}`, message, { code: 'kernel.namespace-needed', key })
}

interface Feature {
  readonly name: string
  readonly module: string
  readonly config: string
}

function featureOf(entry: Entry): Feature {
  switch (entry.kind) {
    case 'link':
      if (entry.type === 'bridge' && entry.vlanFiltering === true) {
        return { name: 'VLAN filtering on bridges', module: 'bridge', config: 'CONFIG_BRIDGE_VLAN_FILTERING' }
      }
      return {
        name: `links of type ${entry.type}`,
        module: entry.type,
        config: `CONFIG_${entry.type.toUpperCase()}`,
      }
    case 'nft-table':
    case 'nft-element':
      return {
        name: 'such nftables rules',
        module: 'nf_tables nft_chain_nat nft_masq',
        config: 'CONFIG_NF_TABLES',
      }
    case 'fdb':
      return { name: 'forwarding entries on this link', module: 'vxlan', config: 'CONFIG_VXLAN' }
    case 'rule':
      return { name: 'policy routing', module: '-', config: 'CONFIG_IP_MULTIPLE_TABLES' }
    case 'address':
    case 'route':
    case 'neighbour':
    case 'sysctl':
      return { name: `support for this ${entry.kind}`, module: 'ipv6', config: 'CONFIG_IPV6' }
  }
}
