import { type IptablesChainEntry, type IptablesRule, type IptablesTable, jumpCommand } from '../entry.ts'
import { quoteWord } from './words.ts'

/** Of one chain: what it is, and what it is to be; undefined where it is not there. */
export interface ChainChange {
  readonly table: IptablesTable
  readonly name: string
  readonly before: IptablesChainEntry | undefined
  readonly after: IptablesChainEntry | undefined
}

/** What `iptables-restore --noflush` must be told to make the change, between the table and `COMMIT`. */
export function chainLines({ table, name, before, after }: ChainChange): string[] {
  if (before === undefined && after === undefined) return []
  const gone = before?.jumps.map(({ from, rule }) => ruleLine('-D', from, rule)) ?? []
  const rules = after?.rules.map(rule => ruleLine('-A', name, rule)) ?? []
  const jumps = after?.jumps.map(({ from, rule }) => ruleLine(jumpCommand(table), from, rule)) ?? []
  return [
    before === undefined ? `-N ${name}` : `-F ${name}`,
    ...gone,
    ...(after === undefined ? [`-X ${name}`] : []),
    ...rules,
    ...jumps,
  ]
}

function ruleLine(command: '-A' | '-I' | '-D', chain: string, rule: IptablesRule): string {
  return [command, chain, ...rule.map(quoteWord)].join(' ')
}
