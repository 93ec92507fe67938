import { type IptablesChainEntry, type IptablesRule, jumpCommand } from './entry.ts'
import { quote } from './format-words.ts'

/** The commands of `iptables`, one a line. */
export function formatIptablesChain({ family, table, name, rules, jumps }: IptablesChainEntry): string {
  const command = `${family === 6 ? 'ip6tables' : 'iptables'} -t ${table}`
  const add = (how: '-A' | '-I', chain: string, rule: IptablesRule) =>
    `${command} ${how} ${[chain, ...rule].map(quote).join(' ')}`
  return [
    `${command} -N ${name}`,
    ...rules.map(rule => add('-A', name, rule)),
    ...jumps.map(({ from, rule }) => add(jumpCommand(table), from, rule)),
  ].join('\n')
}
