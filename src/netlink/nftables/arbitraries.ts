import fc from 'fast-check'
import { name, partial, u8, u32, u64 } from '../arbitraries.ts'
import type { Verdict } from './data.ts'
import type { Datatype } from './datatypes.ts'
import type { Expression } from './expressions.ts'

/** nftables values for property tests. Only tests import this. */

export const nftFamily = fc.constantFrom('ip' as const, 'ip6' as const, 'inet' as const, 'netdev' as const)
export const comment = fc.string({ maxLength: 60 })

export const verdict: fc.Arbitrary<Verdict> = fc.oneof(
  fc
    .constantFrom('accept' as const, 'drop' as const, 'return' as const, 'continue' as const)
    .map(word => ({ do: word })),
  fc
    .tuple(fc.constantFrom('jump' as const, 'goto' as const), name)
    .map(([word, chain]) => ({ do: word, chain })),
)

const register = fc.constantFrom(1, 2, 3, 4, 8, 9)
/** Uint8Array of the plain kind, which is what decoding gives. */
export const bytes = fc.uint8Array({ minLength: 1, maxLength: 16 })

export const expression: fc.Arbitrary<Expression> = fc.oneof(
  partial({ key: fc.constantFrom('mark' as const, 'iifname' as const, 99), destination: register }).map(
    data => ({
      expr: 'meta' as const,
      ...data,
    }),
  ),
  partial({ destination: register, base: fc.constant('network' as const), offset: u32, length: u32 }).map(
    data => ({
      expr: 'payload' as const,
      ...data,
    }),
  ),
  partial({ source: register, destination: register, length: u8, mask: bytes, xor: bytes }).map(data => ({
    expr: 'bitwise' as const,
    ...data,
  })),
  partial({ source: register, op: fc.constantFrom('eq' as const, 'gte' as const), value: bytes }).map(
    data => ({
      expr: 'cmp' as const,
      ...data,
    }),
  ),
  partial({ set: name, source: register, destination: register, flags: u32 }).map(data => ({
    expr: 'lookup' as const,
    ...data,
  })),
  fc
    .oneof(
      verdict.map(value => ({ verdict: value })),
      bytes.map(value => ({ value })),
    )
    .map(data => ({
      expr: 'immediate' as const,
      destination: 0,
      data,
    })),
  partial({ flags: u32 }).map(data => ({ expr: 'masq' as const, ...data })),
  partial({ bytes: u64, packets: u64 }).map(data => ({ expr: 'counter' as const, ...data })),
  partial({ destination: register, type: u8, op: fc.constant('ipv4' as const) }).map(data => ({
    expr: 'exthdr' as const,
    ...data,
  })),
  partial({ destination: register, result: fc.constant('addrtype' as const), flags: u32 }).map(data => ({
    expr: 'fib' as const,
    ...data,
  })),
  fc.record(
    { expr: fc.constant('other' as const), name: fc.constant('log'), bytes },
    { noNullPrototype: true },
  ),
)

export const datatype = fc.constantFrom<Exclude<Datatype, number>>(
  'ipv4_addr',
  'ipv6_addr',
  'ether_addr',
  'inet_proto',
  'inet_service',
  'mark',
  'ifname',
)
