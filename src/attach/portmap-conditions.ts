import {
  addressBits,
  type Family,
  formatPrefix,
  linkNameFault,
  prefixOf,
  tryParseAddress,
  tryParsePrefix,
} from '../ip/index.ts'
import { invalidConfiguration, unsupportedField } from './errors.ts'

/** What must hold of a packet: a part of `NftMatch`. */
export type PortCondition =
  | { readonly on: 'source' | 'destination'; readonly prefix: string; readonly not?: boolean }
  /** A name that ends in `*` stands for all that begin so. */
  | { readonly on: 'in-link'; readonly name: string; readonly not?: boolean }

type Subject = 'source' | 'destination' | 'in-link'

/** What a condition is about, in the words of iptables and of nft. */
const SUBJECTS: ReadonlyMap<string, Subject> = new Map<string, Subject>([
  ...(['-s', '--source', '--src', 'saddr'] as const).map(word => [word, 'source'] as const),
  ...(['-d', '--destination', '--dst', 'daddr'] as const).map(word => [word, 'destination'] as const),
  ...(['-i', '--in-interface', 'iifname'] as const).map(word => [word, 'in-link'] as const),
])

const HEADERS: Readonly<Record<Family, string>> = { 4: 'ip', 6: 'ip6' }

/**
 * `conditionsV4` and `conditionsV6`: parts of an iptables rule (`["!", "-d", "192.0.2.0/24"]`) or of one of nft
 * (`["ip", "daddr", "!=", "192.0.2.0/24"]`), about source, destination and the interface that a packet came in by.
 *
 * Throws `attach.unsupported-field` for other conditions, and `attach.invalid-configuration`.
 */
export function parseConditions(
  family: Family,
  field: string,
  tokens: readonly string[],
): readonly PortCondition[] {
  const conditions: PortCondition[] = []
  const rest = [...tokens]
  while (rest.length > 0) {
    let not = take(rest, '!')
    take(rest, HEADERS[family])
    const word = rest.shift() ?? ''
    const subject = SUBJECTS.get(word)
    if (subject === undefined) {
      throw unsupportedField(
        field,
        `"${word}" is not known here: use -s, -d and -i, each with ! before it or not`,
      )
    }
    not = take(rest, '!=') || not
    conditions.push({ ...conditionOf(family, field, subject, rest.shift()), ...(not ? { not } : {}) })
  }
  return conditions
}

function take(tokens: string[], word: string): boolean {
  if (tokens[0] !== word) return false
  tokens.shift()
  return true
}

function conditionOf(family: Family, field: string, on: Subject, value = ''): PortCondition {
  if (on === 'in-link') {
    // iptables writes any ending as a plus.
    const name = value.replace(/\+$/, '*')
    const fault = linkNameFault(name.replace(/\*$/, 'x'))
    if (fault !== undefined) throw invalidConfiguration(`${field}: not the name of an interface: ${fault}`)
    return { on, name }
  }
  const address = tryParseAddress(value)
  const prefix =
    address === undefined ? tryParsePrefix(value) : prefixOf(address, addressBits(address.family))
  if (prefix?.family !== family) {
    throw invalidConfiguration(
      `${field}: "${value}" is not a prefix of IPv${family}, such as ${EXAMPLES[family]}`,
    )
  }
  return { on, prefix: formatPrefix(prefix) }
}

const EXAMPLES: Readonly<Record<Family, string>> = { 4: '192.0.2.0/24', 6: '2001:db8::/32' }
