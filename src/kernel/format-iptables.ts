import type { IptablesChainEntry, IptablesRule } from './entry.ts'
import { quote } from './format-words.ts'

/** The commands of `iptables`, one a line. */
export function formatIptablesChain({ family, name, rules, jumps }: IptablesChainEntry): string {
  const command = `${family === 6 ? 'ip6tables' : 'iptables'} -t nat`
  const append = (chain: string, rule: IptablesRule) =>
    `${command} -A ${[chain, ...rule].map(quote).join(' ')}`
  return [
    `${command} -N ${name}`,
    ...rules.map(rule => append(name, rule)),
    ...jumps.map(({ from, rule }) => append(from, rule)),
  ].join('\n')
}
