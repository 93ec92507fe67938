import { hash } from 'node:crypto'

/**
 * A chain of ours in table `nat` of iptables, whole, with the rules of built-in chains that lead to it: for people who
 * have to see such rules. Whatever can be is an nftables entry instead.
 */
export interface IptablesChainEntry {
  readonly kind: 'iptables-chain'
  readonly family: 4 | 6
  /** `IPTABLES_PREFIX` and what tells it from others of ours: at most 28 characters. */
  readonly name: string
  readonly rules: readonly IptablesRule[]
  /** Behind what others have in these chains. */
  readonly jumps: readonly IptablesJump[]
}

export interface IptablesJump {
  readonly from: 'PREROUTING' | 'OUTPUT' | 'POSTROUTING'
  readonly rule: IptablesRule
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
