import { createHash } from 'node:crypto'
import type { NftRule, NftTableEntry } from '../entry.ts'
import { kindRules } from './rules.ts'

/** A table is replaced whole in one transaction; its elements come again in the same one. */
export const nftTableRules = kindRules('nft-table', {
  // Before the links it speaks of, which it knows by name: nothing passes before the rules for it are there.
  rank: -2,
  equals: (desired, _observed, seen) => seen.fingerprint === tableFingerprint(desired),
  mustRecreate: () => true,
})

/** Key of the table, as `entryKey` makes it. */
export function tableKey(family: string, name: string): string {
  return `nft-table ${family} ${name}`
}

/** What a rule says, in 8 hex digits; travels in the rule's comment and is what an observed rule is known by. */
export function ruleDigest(rule: NftRule): string {
  return digest(['rule', rule]).slice(0, 8)
}

/** What a table amounts to when its rules are known only by their digests. */
export interface TableShape extends Pick<NftTableEntry, 'sets'> {
  readonly chains: readonly (Omit<NftTableEntry['chains'][number], 'rules'> & {
    readonly rules: readonly string[]
  })[]
}

/** Entries are values: what one amounted to, it always will. A desired table is compared at every ADD that needs it. */
const known = new WeakMap<NftTableEntry, string>()

/** Equal for two tables if and only if they hold the same sets, chains and rules in the same order. */
export function tableFingerprint(table: NftTableEntry): string {
  const fingerprint = known.get(table) ?? computeFingerprint(table)
  known.set(table, fingerprint)
  return fingerprint
}

function computeFingerprint({ sets, chains }: NftTableEntry): string {
  return shapeFingerprint({
    sets,
    chains: chains.map(chain => ({ ...chain, rules: chain.rules.map(ruleDigest) })),
  })
}

/** The order of sets and of chains means nothing; the order of rules does. */
export function shapeFingerprint(shape: TableShape): string {
  const chains = shape.chains.toSorted(byName)
  return digest(['table', shape.sets.toSorted(byName), chains])
}

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : 1
}

function digest(value: unknown): string {
  return createHash('sha256').update(canonical(value)).digest('hex')
}

/** JSON with sorted keys and without undefined ones: equal for equal values. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) => {
    if (typeof part !== 'object' || part === null || Array.isArray(part)) return part
    return Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1)))
  })
}
