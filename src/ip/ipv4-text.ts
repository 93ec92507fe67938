const DOT = 0x2e
const ZERO = 0x30

/**
 * Dotted quad, four decimal octets, nothing else: no shorthand (`10.1`), no octal or hex, no leading zeros (which
 * some parsers read as octal). Returns the value, or why it is none.
 */
export function readIpv4(text: string): bigint | string {
  let value = 0
  let octets = 0
  let fault: string | undefined
  for (let start = 0, end = 0; end <= text.length; end += 1) {
    if (end < text.length && text.charCodeAt(end) !== DOT) continue
    const octet = readDecimal(text, start, end, 3)
    if (typeof octet === 'string') fault ??= `octet ${JSON.stringify(text.slice(start, end))}: ${octet}`
    else if (octet > 255) fault ??= `octet ${octet} is above 255`
    else value = value * 256 + octet
    octets += 1
    start = end + 1
  }
  if (octets !== 4) return `an IPv4 address has 4 octets, this has ${octets}`
  return fault ?? BigInt(value)
}

export function writeIpv4(value: bigint): string {
  const number = Number(value)
  return `${number >>> 24}.${(number >>> 16) & 255}.${(number >>> 8) & 255}.${number & 255}`
}

/** What stands from `start` up to `end`: at most `maxDigits` ASCII digits without leading zeros; or why it does not. */
export function readDecimal(text: string, start: number, end: number, maxDigits: number): number | string {
  const digits = end - start
  if (digits === 0) return 'a number is missing'
  if (digits > maxDigits) return `more than ${maxDigits} digits`
  let value = 0
  for (let i = start; i < end; i += 1) {
    const digit = text.charCodeAt(i) - ZERO
    if (digit < 0 || digit > 9) return 'only decimal digits are allowed'
    value = value * 10 + digit
  }
  return digits > 1 && text.charCodeAt(start) === ZERO ? 'leading zeros are ambiguous' : value
}
