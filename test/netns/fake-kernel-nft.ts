import type { Entry, NftSet } from '../../src/kernel/index.ts'
import { nft, type Request } from '../../src/netlink/index.ts'

export type NftEntry = Extract<Entry, { kind: 'nft-table' | 'nft-element' }>

export function isNft(entry: Entry): entry is NftEntry {
  return entry.kind === 'nft-table' || entry.kind === 'nft-element'
}

/** `nft add table`, `nft add element`. */
export function nftAddition(entry: NftEntry): Request[] {
  if (entry.kind === 'nft-table') return [nft.addTable({ family: entry.family, name: entry.name })]
  const { family, table, set, key } = entry
  const text = { key, ...(Array.isArray(entry.value) ? { value: entry.value } : {}) }
  return nft.addElements({ family, table, set }, nft.elementsOf(setOfElement(entry), text))
}

/** `nft delete ...`. */
export function nftRemoval(entry: NftEntry): Request[] {
  const { family } = entry
  if (entry.kind === 'nft-table') return [nft.deleteTable({ family, name: entry.name })]
  const { table, set, key } = entry
  return nft.deleteElements({ family, table, set }, nft.elementsOf(setOfElement(entry), { key }))
}

/** Prefixes stand in interval sets, marks are values: what the lists say of sets. */
function setOfElement({ key, value }: Extract<Entry, { kind: 'nft-element' }>): NftSet {
  const interval = key.some(part => part.includes('/'))
  return {
    name: '',
    type: value === undefined ? 'set' : 'map',
    interval,
    key: ['ipv4_addr'],
    ...(value === undefined ? {} : { value: ['mark'] }),
  }
}
