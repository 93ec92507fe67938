import { familyOf } from '../ip/index.ts'
import type { nft } from '../netlink/index.ts'
import type {
  NftChain,
  NftElementEntry,
  NftLookup,
  NftMatch,
  NftNumber,
  NftRule,
  NftSet,
  NftTableEntry,
  NftVerdict,
} from './entry.ts'
import { hex, quote, words } from './format-words.ts'
import { lookupFields, numberField } from './nft-fields.ts'

/** As `nft -f` reads it and `nft list table` prints it. */
export function formatNftTable(table: NftTableEntry): string {
  const blocks = [...table.sets.map(formatSet), ...table.chains.map(chain => formatChain(chain, table))]
  return [`table ${table.family} ${table.name} {`, ...blocks.flat().map(line => `  ${line}`), '}'].join('\n')
}

function formatSet(set: NftSet): string[] {
  const value =
    set.value === undefined ? '' : ` : ${set.value === 'verdict' ? 'verdict' : set.value.join(' . ')}`
  const flags = set.interval ? ['  flags interval'] : []
  return [`${set.type} ${set.name} {`, `  type ${set.key.join(' . ')}${value}`, ...flags, '}']
}

function formatChain(chain: NftChain, table: NftTableEntry): string[] {
  const lines = chain.rules.map(rule => `  ${formatNftRule(rule, table)}`)
  if (chain.hook !== undefined) {
    const { type, hook, priority, policy, device } = chain.hook
    const where = words(`type ${type} hook ${hook}`, device !== undefined && `device ${quote(device)}`)
    lines.unshift(`  ${where} priority ${priority}; policy ${policy};`)
  }
  return [`chain ${chain.name} {`, ...lines, '}']
}

function formatNftRule(rule: NftRule, table: NftTableEntry): string {
  return words(
    ...rule.match.map(match => formatMatch(match, table)),
    rule.counter === true && 'counter',
    formatVerdict(rule.verdict, table),
    `comment ${JSON.stringify(rule.comment)}`,
  )
}

function formatMatch(match: NftMatch, table: NftTableEntry): string {
  const not = match.not === true ? '!=' : ''
  if ('set' in match) return words(lookup(table, match.on, match.set), not, `@${match.set}`)
  if ('number' in match) return words(fieldWords(numberField(match.on)), not, number(match.on, match.number))
  switch (match.on) {
    case 'source':
    case 'destination': {
      const header = familyOf(match.prefix) === 6 ? 'ip6' : 'ip'
      return words(header, match.on === 'source' ? 'saddr' : 'daddr', not, match.prefix)
    }
    case 'mark':
      return `meta mark & ${hex(match.mask)} ${not || '=='} ${hex(match.value)}`
    case 'in-link':
    case 'out-link':
      return words(match.on === 'in-link' ? 'iifname' : 'oifname', not, JSON.stringify(match.name))
    case 'ether-destination':
      return `ether daddr & ${match.mask} ${not || '=='} ${match.mac}`
    case 'ip-option':
      return words('ip option', match.option, not ? 'missing' : 'exists')
    case 'connection':
      return words('ct state', not, match.states.join(','))
    case 'local-destination':
      return words('fib daddr type', not, 'local')
  }
}

function number(on: NftNumber, value: number): string {
  return on === 'ether-type' ? `0x${value.toString(16).padStart(4, '0')}` : String(value)
}

function lookup(table: NftTableEntry, on: NftLookup, set: string): string {
  return lookupFields(table, on, set).map(fieldWords).join(' . ')
}

function fieldWords(field: nft.Field): string {
  return field === 'l4proto' ? 'meta l4proto' : field
}

function formatVerdict(verdict: NftVerdict, table: NftTableEntry): string {
  switch (verdict.do) {
    case 'jump':
    case 'goto':
      return `${verdict.do} ${verdict.chain}`
    case 'masquerade':
      return words('masquerade', verdict.fullyRandom === true && 'fully-random')
    case 'mark':
      return formatMarking(verdict)
    case 'map':
      return `${lookup(table, verdict.on, verdict.map)} vmap @${verdict.map}`
    case 'dnat': {
      const { on, map, mark } = verdict
      return words(
        mark && formatMarking(mark),
        `dnat ${table.family} addr . port to ${lookup(table, on, map)} map @${map}`,
      )
    }
    default:
      return verdict.do
  }
}

function formatMarking({ value, mask }: { readonly value: number; readonly mask: number }): string {
  return `meta mark set mark and ${hex(~mask)} xor ${hex(value)}`
}

/** One element as the command that adds it. */
export function formatNftElement({ family, table, set, key, value }: NftElementEntry): string {
  const texts = key.join(' . ')
  const mapped =
    value === undefined
      ? ''
      : ` : ${'do' in value ? words(value.do, 'chain' in value && value.chain) : value.join(' . ')}`
  return `nft add element ${family} ${table} ${set} { ${texts}${mapped} }`
}
