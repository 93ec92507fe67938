import { hash } from 'node:crypto'

/** Tables of iptables that chains of ours can be in. */
export const IPTABLES_TABLES = ['nat', 'filter'] as const
export type IptablesTable = (typeof IPTABLES_TABLES)[number]

/**
 * A chain of ours in a table of iptables, whole, with the rules of built-in chains that lead to it: for people who have
 * to see such rules, and for what only iptables can undo. Whatever can be is an nftables entry instead.
 */
export interface IptablesChainEntry {
  readonly kind: 'iptables-chain'
  readonly family: 4 | 6
  readonly table: IptablesTable
  /** `IPTABLES_PREFIX` and what tells it from others of ours: at most 28 characters. */
  readonly name: string
  readonly rules: readonly IptablesRule[]
  /** In table `nat` behind what others have in these chains; in `filter` before it, which drops. */
  readonly jumps: readonly IptablesJump[]
}

/** Chains of iptables that ours are entered from. */
export const BUILT_IN_CHAINS = ['PREROUTING', 'OUTPUT', 'POSTROUTING', 'FORWARD'] as const

export interface IptablesJump {
  readonly from: (typeof BUILT_IN_CHAINS)[number]
  readonly rule: IptablesRule
}

/** How a jump of ours is put into a chain of others. */
export function jumpCommand(table: IptablesTable): '-A' | '-I' {
  return table === 'filter' ? '-I' : '-A'
}

/** A rule as the words that iptables takes behind the chain: made by `iptablesRule`, or read. */
export type IptablesRule = readonly string[]

/** What the names of our chains begin with: their mark, since a chain bears no comment. */
export const IPTABLES_PREFIX = 'PODLACE-'

const COMMENT_PREFIX = 'podlace:'
/** XT_MAX_COMMENT_LEN is 256 with the zero at its end; 10 are for the digest. */
const MAX_OWNER = 255 - COMMENT_PREFIX.length - 10

/** A rule with the comment that names its owner, and that it is known by: what iptables shows of a rule it words anew. */
export function iptablesRule(owner: string, ...words: readonly string[]): IptablesRule {
  const text = owner.replace(/[^ -~]/g, '?').slice(0, MAX_OWNER)
  const digest = hash('sha256', JSON.stringify(words), 'hex').slice(0, 8)
  return ['-m', 'comment', '--comment', `${COMMENT_PREFIX}${text} #${digest}`, ...words]
}

/** What tells a rule of ours from others; undefined for a rule of somebody else. */
export function iptablesDigest(rule: IptablesRule): string | undefined {
  const comment = optionOf(rule, '--comment')
  return comment?.startsWith(COMMENT_PREFIX) === true ? /#([0-9a-f]{8})$/.exec(comment)?.[1] : undefined
}

/** The chain that a rule leads to, if it leads to one. */
export function iptablesTarget(rule: IptablesRule): string | undefined {
  return optionOf(rule, '-j')
}

function optionOf(rule: IptablesRule, option: string): string | undefined {
  const at = rule.indexOf(option)
  return at === -1 ? undefined : rule[at + 1]
}
