import { be32, be64, binary, text } from '../attribute-codecs.ts'
import { attributeTable, listOf } from '../attributes.ts'
import { type Message, NLM_F_APPEND, NLM_F_CREATE, NLM_F_DUMP, type Request } from '../messages.ts'
import { type Expression, expression } from './expressions.ts'
import {
  type Family,
  NFT_MSG_DELRULE,
  NFT_MSG_GETRULE,
  NFT_MSG_NEWRULE,
  openNft,
  required,
  startNft,
} from './subsystem.ts'
import { decodeComment, encodeComment } from './userdata.ts'

/** Rules: NFTA_RULE_* (linux/netfilter/nf_tables.h); `nft add rule`. */

export interface Rule {
  readonly family: Family
  readonly table: string
  readonly chain: string
  readonly expressions: readonly Expression[]
  /** At most 128 bytes; `nft list ruleset` and traces show it. */
  readonly comment?: string
  readonly handle?: bigint
  /** To add one: handle of the rule to stand before or behind. Read: the rule that it stands behind. */
  readonly position?: bigint
}

export const ruleFields = {
  table: [1, 'NFTA_RULE_TABLE', text],
  chain: [2, 'NFTA_RULE_CHAIN', text],
  handle: [3, 'NFTA_RULE_HANDLE', be64],
  expressions: [4, 'NFTA_RULE_EXPRESSIONS', listOf(1, expression)],
  position: [6, 'NFTA_RULE_POSITION', be64],
  userdata: [7, 'NFTA_RULE_USERDATA', binary],
  id: [9, 'NFTA_RULE_ID', be32],
} as const

const attributes = attributeTable(ruleFields)

export function encodeRule({ family, comment, ...rest }: Rule): Uint8Array {
  const writer = startNft(family)
  attributes.write(writer, {
    ...rest,
    ...(comment === undefined ? {} : { userdata: encodeComment(comment) }),
  })
  return writer.finish()
}

/** @throws NetlinkError `netlink.malformed` */
export function decodeRule(message: Message): Rule {
  const what = 'an nftables rule'
  const { family, reader } = openNft(message, NFT_MSG_NEWRULE, what)
  const { table, chain, expressions, userdata, handle, position } = attributes.read(reader)
  const comment = decodeComment(userdata)
  return {
    family,
    table: required(table, what, 'NFTA_RULE_TABLE'),
    chain: required(chain, what, 'NFTA_RULE_CHAIN'),
    expressions: expressions ?? [],
    ...(comment === undefined ? {} : { comment }),
    ...(handle === undefined ? {} : { handle }),
    ...(position === undefined ? {} : { position }),
  }
}

/** `nft add rule`: at the end of the chain, or behind `position`; for a batch. */
export function addRule(rule: Rule): Request {
  return {
    type: NFT_MSG_NEWRULE,
    flags: NLM_F_CREATE | NLM_F_APPEND,
    body: encodeRule(rule),
    what: `add rule ${rule.comment === undefined ? '' : `"${rule.comment}" `}to ${describe(rule)}`,
  }
}

/** `nft insert rule`: at the start of the chain, or before `position`. */
export function insertRule(rule: Rule): Request {
  return { ...addRule(rule), flags: NLM_F_CREATE, what: `insert rule into ${describe(rule)}` }
}

export interface RuleTarget {
  readonly family: Family
  readonly table: string
  /** Without it: all rules of the table. */
  readonly chain?: string
  /** Without it: all rules of the chain. */
  readonly handle?: bigint
}

/** `nft delete rule ... handle`, `nft flush chain`, `nft flush table`: as much as the target leaves open. */
export function deleteRules({ family, ...target }: RuleTarget): Request {
  const writer = startNft(family)
  attributes.write(writer, target)
  const which = target.handle === undefined ? 'all rules' : `rule ${target.handle}`
  const what = `delete ${which} of ${describe({ family, ...target })}`
  return { type: NFT_MSG_DELRULE, flags: 0, body: writer.finish(), what }
}

function describe(rule: { family: Family; table: string; chain?: string }): string {
  return rule.chain === undefined
    ? `table ${rule.family} ${rule.table}`
    : `chain ${rule.family} ${rule.table} ${rule.chain}`
}

/** `nft list chain`, for `NetlinkClient.dump`; the kernel filters. */
export function listRules(
  filter: { readonly family?: Family; readonly table?: string; readonly chain?: string } = {},
): Request {
  const { family, ...which } = filter
  const writer = startNft(family)
  attributes.write(writer, which)
  return { type: NFT_MSG_GETRULE, flags: NLM_F_DUMP, body: writer.finish(), what: 'list nftables rules' }
}
