import {
  BUILT_IN_CHAINS,
  IPTABLES_PREFIX,
  IPTABLES_TABLES,
  type IptablesChainEntry,
  type IptablesJump,
  type IptablesRule,
  type IptablesTable,
  iptablesDigest,
  iptablesTarget,
} from '../entry.ts'
import { splitWords } from './words.ts'

interface SavedChain extends IptablesChainEntry {
  readonly rules: IptablesRule[]
  readonly jumps: IptablesJump[]
}

interface SavedLine {
  readonly table: IptablesTable
  readonly line: string
}

/** The chains of ours in what `iptables-save` printed, with the rules of ours in other chains that lead to them. */
export function savedChains(family: 4 | 6, text: string): IptablesChainEntry[] {
  const tables = new Map(IPTABLES_TABLES.map(table => [table, new Map<string, SavedChain>()]))
  for (const { table, line } of tableLines(text)) {
    const chains = tables.get(table)
    // Others may have a hundred thousand.
    if (chains === undefined || !line.includes(IPTABLES_PREFIX)) continue
    if (line.startsWith(`:${IPTABLES_PREFIX}`)) {
      const [name = ''] = line.slice(1).split(' ')
      chains.set(name, { kind: 'iptables-chain', family, table, name, rules: [], jumps: [] })
      continue
    }
    const [command, chain = '', ...rule] = splitWords(line)
    if (command !== '-A') continue
    const own = chains.get(chain)
    if (own !== undefined) own.rules.push(rule)
    else if (isEntrance(chain) && iptablesDigest(rule) !== undefined) {
      chains.get(iptablesTarget(rule) ?? '')?.jumps.push({ from: chain, rule })
    }
  }
  return Array.from(tables.values(), chains => [...chains.values()]).flat()
}

/** Chains are declared before the rules of any. */
function* tableLines(text: string): Iterable<SavedLine> {
  let table: IptablesTable | undefined
  for (const line of text.split('\n')) {
    if (line.startsWith('*')) table = IPTABLES_TABLES.find(name => line.slice(1).trim() === name)
    else if (table !== undefined) yield { table, line }
  }
}

function isEntrance(chain: string): chain is IptablesJump['from'] {
  return BUILT_IN_CHAINS.some(name => name === chain)
}
