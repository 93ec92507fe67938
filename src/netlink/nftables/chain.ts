import { be32, be64, binary, text } from '../attribute-codecs.ts'
import { type AttributeCodec, attributeTable, listOf } from '../attributes.ts'
import { invalidValue, malformed } from '../errors.ts'
import { type Message, NLM_F_CREATE, NLM_F_DUMP, type Request } from '../messages.ts'
import {
  type Family,
  NFT_MSG_DELCHAIN,
  NFT_MSG_GETCHAIN,
  NFT_MSG_NEWCHAIN,
  openNft,
  required,
  startNft,
} from './subsystem.ts'
import { decodeComment, encodeComment } from './userdata.ts'

/** Chains: NFTA_CHAIN_*, NFTA_HOOK_* (linux/netfilter/nf_tables.h); `nft add chain`. */

export type HookName = 'prerouting' | 'input' | 'forward' | 'output' | 'postrouting' | 'ingress' | 'egress'

export interface Hook {
  readonly type: 'filter' | 'nat' | 'route'
  readonly hook: HookName
  /** The number that netfilter sorts by: srcnat is 100, filter 0, mangle -150. */
  readonly priority: number
  readonly policy: 'accept' | 'drop'
  /** For ingress and egress: the devices it is attached to. */
  readonly devices?: readonly string[]
}

export interface Chain {
  readonly family: Family
  readonly table: string
  readonly name: string
  /** Base chains have one. */
  readonly hook?: Hook
  readonly comment?: string
  readonly handle?: bigint
  /** How many rules, jumps and elements refer to it; only read. */
  readonly use?: number
}

/** NF_INET_*, NF_NETDEV_* (linux/netfilter.h), NF_ARP_* (linux/netfilter_arp.h); bridge counts as inet does. */
const inetHooks: readonly HookName[] = ['prerouting', 'input', 'forward', 'output', 'postrouting', 'ingress']
const netdevHooks: readonly HookName[] = ['ingress', 'egress']
const arpHooks: readonly HookName[] = ['input', 'output', 'forward']

function hooksOf(family: Family): readonly HookName[] {
  if (family === 'netdev') return netdevHooks
  return family === 'arp' ? arpHooks : inetHooks
}

const priority: AttributeCodec<number> = {
  write: (writer, value) => void writer.be32(value >>> 0),
  read: payload => payload.be32() | 0,
}

export const hookFields = {
  number: [1, 'NFTA_HOOK_HOOKNUM', be32],
  priority: [2, 'NFTA_HOOK_PRIORITY', priority],
  device: [3, 'NFTA_HOOK_DEV', text],
  devices: [4, 'NFTA_HOOK_DEVS', listOf(1, text)],
} as const

export const chainFields = {
  table: [1, 'NFTA_CHAIN_TABLE', text],
  handle: [2, 'NFTA_CHAIN_HANDLE', be64],
  name: [3, 'NFTA_CHAIN_NAME', text],
  hook: [4, 'NFTA_CHAIN_HOOK', attributeTable(hookFields)],
  policy: [5, 'NFTA_CHAIN_POLICY', be32],
  use: [6, 'NFTA_CHAIN_USE', be32],
  type: [7, 'NFTA_CHAIN_TYPE', text],
  flags: [10, 'NFTA_CHAIN_FLAGS', be32],
  userdata: [12, 'NFTA_CHAIN_USERDATA', binary],
} as const

const attributes = attributeTable(chainFields)

export function encodeChain(chain: Chain): Uint8Array {
  const { family, table, name, handle, comment } = chain
  const writer = startNft(family)
  attributes.write(writer, {
    table,
    name,
    ...(handle === undefined ? {} : { handle }),
    ...(chain.hook === undefined ? {} : hookAttributes(family, chain.hook)),
    ...(comment === undefined ? {} : { userdata: encodeComment(comment) }),
  })
  return writer.finish()
}

function hookAttributes(family: Family, hook: Hook) {
  const number = hooksOf(family).indexOf(hook.hook)
  if (number < 0) throw invalidValue('a chain', `family ${family} has no hook ${hook.hook}`)
  const [device, ...more] = hook.devices ?? []
  return {
    hook: {
      number,
      priority: hook.priority,
      ...(more.length > 0 && hook.devices !== undefined ? { devices: hook.devices } : {}),
      ...(more.length === 0 && device !== undefined ? { device } : {}),
    },
    policy: hook.policy === 'accept' ? 1 : 0,
    type: hook.type,
  }
}

/** @throws NetlinkError `netlink.malformed` */
export function decodeChain(message: Message): Chain {
  const what = 'an nftables chain'
  const { family, reader } = openNft(message, NFT_MSG_NEWCHAIN, what)
  const { table, name, handle, use, userdata, ...base } = attributes.read(reader)
  const comment = decodeComment(userdata)
  const hook = base.hook === undefined ? undefined : readHook(family, base.hook, base.type, base.policy)
  return {
    family,
    table: required(table, what, 'NFTA_CHAIN_TABLE'),
    name: required(name, what, 'NFTA_CHAIN_NAME'),
    ...(hook === undefined ? {} : { hook }),
    ...(comment === undefined ? {} : { comment }),
    ...(handle === undefined ? {} : { handle }),
    ...(use === undefined ? {} : { use }),
  }
}

interface HookValues {
  readonly number?: number
  readonly priority?: number
  readonly device?: string
  readonly devices?: readonly string[]
}

function readHook(
  family: Family,
  values: HookValues,
  type: string | undefined,
  policy: number | undefined,
): Hook | undefined {
  const hook = hooksOf(family)[values.number ?? -1]
  if (hook === undefined) throw malformed('an nftables chain', `hook ${values.number} of family ${family}`)
  // In the event of a device that leaves a chain the kernel gives the hook without its type.
  if (type === undefined) return undefined
  if (type !== 'filter' && type !== 'nat' && type !== 'route')
    throw malformed('an nftables chain', `type ${type}`)
  const devices = values.devices ?? (values.device === undefined ? undefined : [values.device])
  return {
    type,
    hook,
    priority: values.priority ?? 0,
    policy: policy === 0 ? 'drop' : 'accept',
    ...(devices === undefined ? {} : { devices }),
  }
}

/** `nft add chain`; for a batch. One that exists is no error; of a base chain the policy changes. */
export function addChain(chain: Chain): Request {
  return {
    type: NFT_MSG_NEWCHAIN,
    flags: NLM_F_CREATE,
    body: encodeChain(chain),
    what: `add ${describe(chain)}`,
  }
}

/** `nft delete chain`. EBUSY while rules or elements jump to it. */
export function deleteChain(chain: Pick<Chain, 'family' | 'table' | 'name'>): Request {
  const { family, table, name } = chain
  const body = encodeChain({ family, table, name })
  return { type: NFT_MSG_DELCHAIN, flags: 0, body, what: `delete ${describe(chain)}` }
}

function describe(chain: Pick<Chain, 'family' | 'table' | 'name'>): string {
  return `chain ${chain.family} ${chain.table} ${chain.name}`
}

/** `nft list chains`, for `NetlinkClient.dump`. The kernel filters by family only. */
export function listChains(filter: { readonly family?: Family } = {}): Request {
  const body = startNft(filter.family).finish()
  return { type: NFT_MSG_GETCHAIN, flags: NLM_F_DUMP, body, what: 'list nftables chains' }
}
