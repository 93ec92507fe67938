import { nft, type Request } from '../../../netlink/index.ts'
import type {
  NftChain,
  NftFamily,
  NftMatch,
  NftRule,
  NftSet,
  NftTableEntry,
  NftVerdict,
} from '../../entry.ts'
import { ruleDigest, shapeFingerprint } from '../../kinds/nft-table.ts'
import type { ObservedEntry } from '../../operation.ts'

/** The comment of a table of ours: it stands in the table's userdata, `nft list tables` does not show it. */
const TABLE_MARK = 'podlace'

/** ` #3f2a9c1b` at the end of a rule's comment: `ruleDigest`. */
const DIGEST_BYTES = 10

/** One transaction: sets before the rules that use them, all chains before the rules that jump to them. */
export function createTableRequests(table: NftTableEntry): Request[] {
  const { family, name } = table
  return [
    nft.createTable({ family, name, comment: TABLE_MARK }),
    ...table.sets.map(set => nft.addSet(setOf(table, set))),
    ...table.chains.map(chain => nft.addChain(chainOf(table, chain))),
    ...table.chains.flatMap(chain => chain.rules.map(rule => nft.addRule(ruleOf(table, chain, rule)))),
  ]
}

export function deleteTableRequests({ family, name }: NftTableEntry): Request[] {
  return [nft.deleteTable({ family, name })]
}

function setOf({ family, name: table }: NftTableEntry, set: NftSet): nft.Set {
  const { name, key, interval, value } = set
  return { family, table, name, key, interval, ...(value === undefined ? {} : { value }) }
}

function chainOf({ family, name: table }: NftTableEntry, { name, hook }: NftChain): nft.Chain {
  if (hook === undefined) return { family, table, name }
  const { device, ...rest } = hook
  return { family, table, name, hook: { ...rest, ...(device === undefined ? {} : { devices: [device] }) } }
}

function ruleOf(table: NftTableEntry, chain: NftChain, rule: NftRule): nft.Rule {
  const { family, name } = table
  const expressions = [...rule.match.flatMap(match => matchOf(table, match)), ...verdictOf(rule.verdict)]
  return { family, table: name, chain: chain.name, expressions, comment: ruleComment(rule) }
}

/** A comment that is too long loses its end: the digest must fit. */
function ruleComment(rule: NftRule): string {
  const room = nft.COMMENT_MAX_BYTES - DIGEST_BYTES
  const text = Buffer.from(rule.comment)
    .subarray(0, room)
    .toString('utf8')
    .replace(/\uFFFD+$/, '')
  return `${text} #${ruleDigest(rule)}`
}

function digestOfComment(comment: string | undefined): string {
  return /#([0-9a-f]{8})$/.exec(comment ?? '')?.[1] ?? 'foreign'
}

function matchOf(table: NftTableEntry, match: NftMatch): nft.Expression[] {
  const { family } = table
  switch (match.on) {
    case 'source':
    case 'destination':
      if ('prefix' in match) return nft.matchAddress(family, match.on, match.prefix, match.not)
      return nft.matchAddressSet(family, match.on, familyOfSet(table, match.set), match.set, match.not)
    case 'mark':
      return nft.matchMark(match.value, match.mask, match.not)
    case 'in-link':
      return nft.matchLink('in', match.name, match.not)
    case 'out-link':
      return nft.matchLink('out', match.name, match.not)
  }
}

function familyOfSet(table: NftTableEntry, name: string): 4 | 6 {
  const type = table.sets.find(set => set.name === name)?.key[0]
  return type === 'ipv6_addr' ? 6 : 4
}

function verdictOf(verdict: NftVerdict): nft.Expression[] {
  if (verdict.do !== 'masquerade') return nft.verdict(verdict)
  return nft.masquerade(verdict.fullyRandom === true ? nft.NF_NAT_RANGE_PROTO_RANDOM_FULLY : 0)
}

/** What was read of one table. */
export interface TableContents {
  readonly chains: readonly nft.Chain[]
  readonly rules: readonly nft.Rule[]
  readonly sets: readonly nft.Set[]
}

export function isOurTable(table: nft.Table): boolean {
  return table.comment === TABLE_MARK
}

/** Undefined for families that no entry has. Of a foreign table nothing but its name is told. */
export function observedTable(
  table: nft.Table,
  contents: TableContents | undefined,
): ObservedEntry | undefined {
  const family = entryFamily(table.family)
  if (family === undefined) return undefined
  const { name } = table
  if (contents === undefined) {
    return { entry: { kind: 'nft-table', family, name, sets: [], chains: [] }, mark: 'foreign' }
  }
  const sets = contents.sets.filter(set => set.anonymous !== true).map(observedSet)
  const chains = contents.chains.map(observedChain)
  const shapes = chains.map(chain => ({
    ...chain,
    rules: contents.rules
      .filter(rule => rule.chain === chain.name)
      .map(rule => digestOfComment(rule.comment)),
  }))
  const fingerprint = shapeFingerprint({ sets, chains: shapes })
  const entry: NftTableEntry = {
    kind: 'nft-table',
    family,
    name,
    sets,
    chains: chains.map(chain => ({ ...chain, rules: [] })),
  }
  return { entry, mark: 'ours', fingerprint }
}

export function entryFamily(family: nft.Family): NftFamily | undefined {
  return family === 'arp' ? undefined : family
}

function observedSet(set: nft.Set): NftSet {
  const { name, interval, value } = set
  const typed = value === 'verdict' ? value : value?.filter(isKnown)
  const key = set.key.filter(isKnown)
  return {
    name,
    type: value === undefined ? 'set' : 'map',
    interval,
    key,
    ...(typed === undefined ? {} : { value: typed }),
  }
}

type KnownDatatype = NftSet['key'][number]
const KNOWN: ReadonlySet<unknown> = new Set<KnownDatatype>([
  'ipv4_addr',
  'ipv6_addr',
  'ether_addr',
  'inet_proto',
  'inet_service',
  'mark',
  'ifname',
])

/** A datatype that no entry has makes the set another than any desired one, which is what it is. */
function isKnown(type: nft.Datatype): type is KnownDatatype {
  return KNOWN.has(type)
}

function observedChain({ name, hook }: nft.Chain): Omit<NftChain, 'rules'> {
  if (hook === undefined || hook.hook === 'egress') return { name }
  const device = hook.devices?.[0]
  const { type, priority, policy } = hook
  return {
    name,
    hook: { type, hook: hook.hook, priority, policy, ...(device === undefined ? {} : { device }) },
  }
}
