import {
  IPTABLES_PREFIX,
  type IptablesChainEntry,
  type IptablesJump,
  type IptablesRule,
  iptablesDigest,
  iptablesTarget,
} from '../entry.ts'
import { splitWords } from './words.ts'

interface SavedChain {
  readonly rules: IptablesRule[]
  readonly jumps: IptablesJump[]
}

/** The chains of ours in what `iptables-save` printed, with the rules of ours in other chains that lead to them. */
export function savedChains(family: 4 | 6, text: string): IptablesChainEntry[] {
  const chains = new Map<string, SavedChain>()
  for (const line of natLines(text)) {
    // Others may have a hundred thousand.
    if (!line.includes(IPTABLES_PREFIX)) continue
    if (line.startsWith(`:${IPTABLES_PREFIX}`)) {
      const [name = ''] = line.slice(1).split(' ')
      chains.set(name, { rules: [], jumps: [] })
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
  return Array.from(chains, ([name, chain]) => ({ kind: 'iptables-chain', family, name, ...chain }))
}

/** Chains are declared before the rules of any. */
function* natLines(text: string): Iterable<string> {
  let table = ''
  for (const line of text.split('\n')) {
    if (line.startsWith('*')) table = line.slice(1).trim()
    else if (table === 'nat') yield line
  }
}

function isEntrance(chain: string): chain is IptablesJump['from'] {
  return chain === 'PREROUTING' || chain === 'OUTPUT' || chain === 'POSTROUTING'
}
