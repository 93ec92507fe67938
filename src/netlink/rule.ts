import { parsePrefix } from '../ip/index.ts'
import { binaryAddress, text, u8, u32 } from './attribute-codecs.ts'
import { attributeTable } from './attributes.ts'
import { ByteReader } from './byte-reader.ts'
import { ByteWriter } from './byte-writer.ts'
import { malformed } from './errors.ts'
import { addressFamilyNumber, familyOf, prefixAttribute, prefixText } from './families.ts'
import { type Message, NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL, type Request } from './messages.ts'
import { nameTable } from './names.ts'
import { RT_TABLE_MAIN, RT_TABLE_UNSPEC } from './route-names.ts'

/** Policy routing rules: `struct fib_rule_hdr`, FRA_* (linux/fib_rules.h); `ip rule`. */

export const RTM_NEWRULE = 32
export const RTM_DELRULE = 33
export const RTM_GETRULE = 34

/** FR_ACT_*. */
export type RuleAction =
  | 'unspec'
  | 'to-table'
  | 'goto'
  | 'nop'
  | 'blackhole'
  | 'unreachable'
  | 'prohibit'
  | number

const actions = nameTable({
  unspec: 0,
  'to-table': 1,
  goto: 2,
  nop: 3,
  blackhole: 6,
  unreachable: 7,
  prohibit: 8,
})

const FIB_RULE_INVERT = 2

export interface Rule {
  readonly family: 4 | 6
  /** FRA_PRIORITY: lower numbers are asked first. */
  readonly priority: number
  readonly action: RuleAction
  /** FRA_TABLE; 0 for other actions than to-table. */
  readonly table: number
  /** Prefixes; absent matches all. */
  readonly src?: string
  readonly dst?: string
  readonly iif?: string
  readonly oif?: string
  readonly fwmark?: { readonly value: number; readonly mask: number }
  readonly tos: number
  /** `not`: the rule holds for what does not match. */
  readonly invert: boolean
  /** IPPROTO_*. */
  readonly ipProtocol?: number
  /** FRA_PROTOCOL: RTPROT_* or the creator's own number. */
  readonly protocol?: number
  /** Look on if the route found has this prefix length or a shorter one. */
  readonly suppressPrefixLength?: number
  /** FRA_GOTO: priority of the rule to go on with. */
  readonly gotoPriority?: number
}

/** What is left out: action to-table, table main, no tos, not inverted. */
export type RuleSpec = Pick<Rule, 'family' | 'priority'> & Partial<Rule>

export const ruleFields = {
  dst: [1, 'FRA_DST', binaryAddress],
  src: [2, 'FRA_SRC', binaryAddress],
  iif: [3, 'FRA_IIFNAME', text],
  gotoPriority: [4, 'FRA_GOTO', u32],
  priority: [6, 'FRA_PRIORITY', u32],
  mark: [10, 'FRA_FWMARK', u32],
  suppressPrefixLength: [14, 'FRA_SUPPRESS_PREFIXLEN', u32],
  table: [15, 'FRA_TABLE', u32],
  markMask: [16, 'FRA_FWMASK', u32],
  oif: [17, 'FRA_OIFNAME', text],
  protocol: [21, 'FRA_PROTOCOL', u8],
  ipProtocol: [22, 'FRA_IP_PROTO', u8],
} as const

const attributes = attributeTable(ruleFields)

export function encodeRule(rule: RuleSpec): Uint8Array {
  const action = rule.action ?? 'to-table'
  const table = rule.table ?? (action === 'to-table' ? RT_TABLE_MAIN : RT_TABLE_UNSPEC)
  const dst = rule.dst === undefined ? undefined : parsePrefix(rule.dst)
  const src = rule.src === undefined ? undefined : parsePrefix(rule.src)
  const writer = new ByteWriter()
  writer
    .u8(addressFamilyNumber(rule.family))
    .u8(dst?.length ?? 0)
    .u8(src?.length ?? 0)
    .u8(rule.tos ?? 0)
  writer
    .u8(table > 255 ? RT_TABLE_UNSPEC : table)
    .zeros(2)
    .u8(actions.toNumber(action))
  writer.u32(rule.invert === true ? FIB_RULE_INVERT : 0)
  attributes.write(writer, {
    priority: rule.priority,
    table: table > 255 ? table : undefined,
    src: src && prefixAttribute(src),
    dst: dst && prefixAttribute(dst),
    ...(rule.fwmark === undefined ? {} : { mark: rule.fwmark.value, markMask: rule.fwmark.mask }),
    ...plainAttributes(rule),
  })
  return writer.finish()
}

type PlainAttributes = Pick<
  Rule,
  'iif' | 'oif' | 'ipProtocol' | 'protocol' | 'suppressPrefixLength' | 'gotoPriority'
>

function plainAttributes(from: PlainAttributes): PlainAttributes {
  const { iif, oif, ipProtocol, protocol, suppressPrefixLength, gotoPriority } = from
  return {
    ...(iif === undefined ? {} : { iif }),
    ...(oif === undefined ? {} : { oif }),
    ...(ipProtocol === undefined ? {} : { ipProtocol }),
    ...(protocol === undefined ? {} : { protocol }),
    ...(suppressPrefixLength === undefined ? {} : { suppressPrefixLength }),
    ...(gotoPriority === undefined ? {} : { gotoPriority }),
  }
}

/** Rules of other families than IP (multicast routing has its own) are malformed here. */
export function decodeRule(message: Message): Rule {
  if (message.type !== RTM_NEWRULE && message.type !== RTM_DELRULE) {
    throw malformed('a rule', `message type ${message.type}`)
  }
  const reader = ByteReader.over(message.body)
  const family = familyOf(reader.u8(), 'a rule')
  const dstLength = reader.u8()
  const srcLength = reader.u8()
  const tos = reader.u8()
  const headerTable = reader.u8()
  const action = actions.toName(reader.skip(2).u8())
  const flags = reader.u32()
  const found = attributes.read(reader)
  const { suppressPrefixLength: _none, ...plain } = found
  // The kernel writes -1 for "suppress nothing".
  const suppress = found.suppressPrefixLength === 0xffff_ffff ? plain : found
  const fwmark =
    found.mark === undefined ? undefined : { value: found.mark, mask: found.markMask ?? 0xffff_ffff }
  return {
    family,
    priority: found.priority ?? 0,
    action,
    table: found.table ?? headerTable,
    tos,
    invert: (flags & FIB_RULE_INVERT) !== 0,
    ...(dstLength === 0 ? {} : { dst: prefixText(family, dstLength, found.dst, 'a rule') }),
    ...(srcLength === 0 ? {} : { src: prefixText(family, srcLength, found.src, 'a rule') }),
    ...(fwmark === undefined ? {} : { fwmark }),
    ...plainAttributes(suppress),
  }
}

/** `ip rule add`. EEXIST if there is the same rule. */
export function addRule(rule: RuleSpec): Request {
  const what = `add ${describe(rule)}`
  return { type: RTM_NEWRULE, flags: NLM_F_CREATE | NLM_F_EXCL, body: encodeRule(rule), what }
}

/**
 * `ip rule delete`: the first rule that has all that is given; any action and table if none is. ENOENT if no rule.
 */
export function deleteRule(rule: RuleSpec): Request {
  return {
    type: RTM_DELRULE,
    flags: 0,
    body: encodeRule({ action: 'unspec', ...rule }),
    what: `delete ${describe(rule)}`,
  }
}

function describe(rule: RuleSpec): string {
  return `IPv${rule.family} rule ${rule.priority} from ${rule.src ?? 'all'} table ${rule.table ?? RT_TABLE_MAIN}`
}

/** `ip rule show`, for `NetlinkClient.dump`. The kernel filters by family only. */
export function listRules(family: 4 | 6): Request {
  const body = new ByteWriter().u8(addressFamilyNumber(family)).zeros(11).finish()
  return { type: RTM_GETRULE, flags: NLM_F_DUMP, body, what: `list IPv${family} rules` }
}
