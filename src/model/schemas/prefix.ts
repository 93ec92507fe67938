import * as v from 'valibot'
import { errorText } from '../../base/index.ts'
import { type Family, formatPrefix, type Prefix, parsePrefix } from '../../ip/index.ts'
import { reservedRange } from '../pod-range.ts'

/** A prefix in canonical text; `maxLength` keeps room for hosts. Without a family, both are taken. */
export function prefixOf(family?: Family, maxLength?: number) {
  return v.pipe(
    v.string(issue => `expected ${expectation(family)}, found ${issue.received}`),
    v.rawCheck(({ dataset, addIssue }) => {
      if (!dataset.typed) return
      const message = complaint(dataset.value, family, maxLength)
      if (message !== undefined) addIssue({ message })
    }),
  )
}

function complaint(
  text: string,
  family: Family | undefined,
  maxLength: number | undefined,
): string | undefined {
  const expected = `expected ${expectation(family)}`
  let prefix: Prefix
  try {
    prefix = parsePrefix(text)
  } catch (error) {
    return `${expected}, found "${text}": ${errorText(error)}`
  }
  if (family !== undefined && prefix.family !== family)
    return `${expected}, found IPv${prefix.family} ${text}`
  if (maxLength !== undefined && prefix.length > maxLength) {
    return `${expected} of /${maxLength} or shorter, found ${text}, which is too small for a pod network`
  }
  const reserved = reservedRange(prefix)
  if (reserved !== undefined) return `${expected} for pods, found ${text}: ${reserved}; take another`
  const canonical = formatPrefix(prefix)
  return canonical === text ? undefined : `${expected} in canonical form ${canonical}, found ${text}`
}

function expectation(family: Family | undefined): string {
  if (family === 4) return 'an IPv4 prefix like 10.244.0.0/16'
  if (family === 6) return 'an IPv6 prefix like fd00:10:244::/48'
  return 'a prefix like 10.244.3.0/24'
}
