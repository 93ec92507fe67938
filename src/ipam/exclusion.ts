import { type Family, lastAddress, tryParseAddress, tryParsePrefix } from '../ip/index.ts'

/** Addresses that are never handed out, `first` to `last` inclusive. */
export interface Exclusion {
  readonly family: Family
  readonly first: bigint
  readonly last: bigint
}

/** An address, a prefix, or `first-last`: `10.1.0.7`, `10.1.0.0/28`, `10.1.0.40-10.1.0.49`; undefined for other text. */
export function tryParseExclusion(text: string): Exclusion | undefined {
  const prefix = tryParsePrefix(text)
  if (prefix !== undefined) {
    return { family: prefix.family, first: prefix.network, last: lastAddress(prefix).value }
  }
  const dash = text.indexOf('-')
  const first = tryParseAddress(dash < 0 ? text : text.slice(0, dash))
  const last = dash < 0 ? first : tryParseAddress(text.slice(dash + 1))
  if (first === undefined || first.family !== last?.family || first.value > last.value) return undefined
  return { family: first.family, first: first.value, last: last.value }
}
