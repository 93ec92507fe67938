import { nft, type Request } from '../../../netlink/index.ts'
import type { NftChain, NftSet, NftTableEntry } from '../../entry.ts'
import { shapeFingerprint } from '../../kinds/nft-table.ts'
import type { ObservedEntry } from '../../operation.ts'
import { digestOfComment, ruleOf } from './nft-rule.ts'

/** The comment of a table of ours: it stands in the table's userdata, `nft list tables` does not show it. */
const TABLE_MARK = 'podlace'

/** One transaction: sets before the rules that use them, all chains before the rules that jump to them. */
export function createTableRequests(table: NftTableEntry): Request[] {
  const { family, name } = table
  return [
    nft.createTable({ family, name, comment: TABLE_MARK }),
    ...table.sets.map(set => nft.addSet(setOf(table, set))),
    ...table.chains.map(chain => nft.addChain(chainOf(table, chain))),
    ...table.chains.flatMap(chain => chain.rules.map(rule => nft.addRule(ruleOf(table, chain.name, rule)))),
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

export interface TableObservation extends ObservedEntry {
  readonly entry: NftTableEntry
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

/** Of a foreign table nothing but its name is told. */
export function observedTable(table: nft.Table, contents: TableContents | undefined): TableObservation {
  const { family, name } = table
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
