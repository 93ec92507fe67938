import fc from 'fast-check'
import { type Family, formatAddress, formatPrefix, prefixOf } from '../ip/index.ts'

/** Values for property tests that several objects are made of. Only tests import this. */

export const u8 = fc.integer({ min: 0, max: 0xff })
export const u16 = fc.integer({ min: 0, max: 0xffff })
export const u32 = fc.integer({ min: 0, max: 0xffff_ffff })
export const index = fc.integer({ min: 1, max: 0x7fff_ffff })
export const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })
/** Text of printable ASCII without NUL, as names are. */
export const name = fc.string({ minLength: 1, maxLength: 15 })
export const mac = fc
  .uint8Array({ minLength: 6, maxLength: 6 })
  .map(bytes => Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join(':'))
export const family = fc.constantFrom<Family>(4, 6)

const value = (of: Family) => fc.bigInt({ min: 0n, max: (1n << (of === 4 ? 32n : 128n)) - 1n })

export const addressOf = (of: Family) => value(of).map(bits => formatAddress({ family: of, value: bits }))
export const address = family.chain(addressOf)

const length = (of: Family) => fc.integer({ min: 0, max: of === 4 ? 32 : 128 })

export const prefixOfFamily = (of: Family) =>
  fc
    .tuple(value(of), length(of))
    .map(([bits, bitCount]) => formatPrefix(prefixOf({ family: of, value: bits }, bitCount)))

export const interfaceAddressOf = (of: Family) =>
  fc.tuple(addressOf(of), length(of)).map(([text, bitCount]) => `${text}/${bitCount}`)

/** A record of which every field may be absent. */
export function partial<T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<Partial<T>> {
  return fc.record(model, { requiredKeys: [], noNullPrototype: true }) as fc.Arbitrary<Partial<T>>
}
