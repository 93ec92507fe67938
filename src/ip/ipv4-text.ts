const ZERO = 0x30

/**
 * Dotted quad, four decimal octets, nothing else: no shorthand (`10.1`), no octal or hex, no leading zeros (which
 * some parsers read as octal). Returns the value, or why it is none.
 */
export function readIpv4(text: string): bigint | string {
  const octets = text.split('.')
  if (octets.length !== 4) return `an IPv4 address has 4 octets, this has ${octets.length}`
  let value = 0
  for (const octet of octets) {
    const number = readDecimal(octet, 3)
    if (typeof number === 'string') return `octet ${JSON.stringify(octet)}: ${number}`
    if (number > 255) return `octet ${number} is above 255`
    value = value * 256 + number
  }
  return BigInt(value)
}

export function writeIpv4(value: bigint): string {
  const number = Number(value)
  return `${number >>> 24}.${(number >>> 16) & 255}.${(number >>> 8) & 255}.${number & 255}`
}

/** A decimal number of at most `maxDigits` ASCII digits without leading zeros, or why it is none. */
export function readDecimal(text: string, maxDigits: number): number | string {
  if (text.length === 0) return 'a number is missing'
  if (text.length > maxDigits) return `more than ${maxDigits} digits`
  let value = 0
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - ZERO
    if (digit < 0 || digit > 9) return 'only decimal digits are allowed'
    value = value * 10 + digit
  }
  return text.length > 1 && text.charCodeAt(0) === ZERO ? 'leading zeros are ambiguous' : value
}
