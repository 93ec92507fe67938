import { nft } from '../../../netlink/index.ts'
import type { NftMatch, NftRule, NftTableEntry, NftVerdict } from '../../entry.ts'
import { ruleDigest } from '../../kinds/nft-table.ts'
import { lookupFields, numberField } from '../../nft-fields.ts'

/** ` #3f2a9c1b` at the end of a rule's comment: `ruleDigest`. */
const DIGEST_BYTES = 10

export function ruleOf(table: NftTableEntry, chain: string, rule: NftRule): nft.Rule {
  const { family, name } = table
  const expressions = [
    ...rule.match.flatMap(match => matchOf(table, match)),
    ...(rule.counter === true ? nft.counter() : []),
    ...verdictOf(table, rule.verdict),
  ]
  return { family, table: name, chain, expressions, comment: ruleComment(rule) }
}

/** A comment that is too long loses its end: the digest must fit. */
function ruleComment(rule: NftRule): string {
  const room = nft.COMMENT_MAX_BYTES - DIGEST_BYTES
  const text = Buffer.from(rule.comment)
    .subarray(0, room)
    .toString('utf8')
    .replace(/\uFFFD+$/, '')
  return `${text} #${ruleDigest(rule)}`
}

export function digestOfComment(comment: string | undefined): string {
  return /#([0-9a-f]{8})$/.exec(comment ?? '')?.[1] ?? 'foreign'
}

function matchOf(table: NftTableEntry, match: NftMatch): nft.Expression[] {
  const { family } = table
  if ('set' in match)
    return nft.matchSet(family, lookupFields(table, match.on, match.set), match.set, match.not)
  if ('number' in match) return nft.matchNumber(family, numberField(match.on), match.number, match.not)
  switch (match.on) {
    case 'source':
    case 'destination':
      return nft.matchAddress(family, match.on, match.prefix, match.not)
    case 'mark':
      return nft.matchMark(match.value, match.mask, match.not)
    case 'in-link':
      return nft.matchLink('in', match.name, match.not)
    case 'out-link':
      return nft.matchLink('out', match.name, match.not)
    case 'ether-destination':
      return nft.matchDestinationMac(family, match.mac, match.mask, match.not)
    case 'ip-option':
      return nft.matchIpOption(match.option, match.not)
    case 'connection':
      return nft.matchConnectionState(match.states, match.not)
    case 'local-destination':
      return nft.matchLocalDestination(match.not)
  }
}

function verdictOf(table: NftTableEntry, verdict: NftVerdict): nft.Expression[] {
  switch (verdict.do) {
    case 'masquerade':
      return nft.masquerade(verdict.fullyRandom === true ? nft.NF_NAT_RANGE_PROTO_RANDOM_FULLY : 0)
    case 'mark':
      return nft.setMark(verdict.value, verdict.mask)
    case 'map':
      return nft.mappedVerdict(table.family, lookupFields(table, verdict.on, verdict.map), verdict.map)
    case 'dnat':
      return nft.mappedDnat(
        table.family,
        lookupFields(table, verdict.on, verdict.map),
        verdict.map,
        verdict.mark,
      )
    default:
      return nft.verdict(verdict)
  }
}
