import type { IptablesChainEntry, IptablesRule } from '../entry.ts'
import { quoteWord } from './words.ts'

/** Of one chain: what it is, and what it is to be; undefined where it is not there. */
export interface ChainChange {
  readonly name: string
  readonly before: IptablesChainEntry | undefined
  readonly after: IptablesChainEntry | undefined
}

/** What `iptables-restore --noflush` must be told to make the change, between `*nat` and `COMMIT`. */
export function chainLines({ name, before, after }: ChainChange): string[] {
  if (before === undefined && after === undefined) return []
  const gone = before?.jumps.map(({ from, rule }) => ruleLine('-D', from, rule)) ?? []
  const rules = after?.rules.map(rule => ruleLine('-A', name, rule)) ?? []
  const jumps = after?.jumps.map(({ from, rule }) => ruleLine('-A', from, rule)) ?? []
  return [
    before === undefined ? `-N ${name}` : `-F ${name}`,
    ...gone,
    ...(after === undefined ? [`-X ${name}`] : []),
    ...rules,
    ...jumps,
  ]
}

function ruleLine(command: '-A' | '-D', chain: string, rule: IptablesRule): string {
  return [command, chain, ...rule.map(quoteWord)].join(' ')
}
