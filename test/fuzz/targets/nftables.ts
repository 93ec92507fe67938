import { hasCode } from '../../../src/base/index.ts'
import { nft } from '../../../src/netlink/index.ts'
import { encodeMessage } from '../../../src/netlink/messages.ts'
import { encodeElements } from '../../../src/netlink/nftables/element.ts'
import { target } from '../engine/target.ts'
import { messageOf, recorded } from './messages.ts'

/** What the kernel sends on a netfilter socket. Everything unreadable is `netlink.malformed`. */

const object = { form: 'attributes', errors: ['netlink.malformed'] } as const

const seeds = recorded('nftables')
const generation = newMessage(
  0x0a0f,
  Uint8Array.from([
    0, 0, 0, 0, 8, 0, 1, 0, 0, 0, 0, 7, 8, 0, 2, 0, 0, 0, 3, 0xe7, 8, 0, 3, 0, 0x6e, 0x66, 0x74, 0,
  ]),
)

export const nftablesTargets = [
  target({
    ...object,
    name: 'nftables.table',
    seeds: ofType(0x0a00),
    decode: input => nft.decodeTable(messageOf(input)),
    encode: table => newMessage(0x0a00, nft.encodeTable(table)),
  }),
  target({
    ...object,
    name: 'nftables.chain',
    seeds: ofType(0x0a03),
    decode: input => nft.decodeChain(messageOf(input)),
    encode: chain => newMessage(0x0a03, nft.encodeChain(chain)),
    written: ({ use: _read, ...chain }) => chain,
  }),
  target({
    ...object,
    name: 'nftables.rule',
    seeds: ofType(0x0a06),
    decode: input => nft.decodeRule(messageOf(input)),
    encode: rule => newMessage(0x0a06, nft.encodeRule(rule)),
  }),
  target({
    ...object,
    name: 'nftables.set',
    seeds: ofType(0x0a09),
    decode: input => nft.decodeSet(messageOf(input)),
    encode: set => newMessage(0x0a09, nft.encodeSet(set)),
  }),
  target({
    ...object,
    name: 'nftables.elements',
    seeds: ofType(0x0a0c),
    decode: input => nft.decodeElementMessage(messageOf(input)),
    encode: message => newMessage(0x0a0c, encodeElements(message, message.elements, 0).body),
  }),
  target({
    ...object,
    name: 'nftables.element-text',
    seeds: ofType(0x0a0c),
    decode: input => elementTexts(nft.decodeElementMessage(messageOf(input)).elements),
  }),
  target({
    ...object,
    name: 'nftables.generation',
    seeds: [generation],
    decode: input => nft.decodeGeneration(messageOf(input)),
  }),
]

/** Elements of unknown origin, read as those of sets that they may not belong to. */
function elementTexts(elements: readonly nft.Element[]): unknown[] {
  const sets = [
    { key: ['ipv4_addr'], interval: true },
    { key: ['ipv6_addr', 'ifname'], value: ['mark'], interval: false },
    { key: ['ipv4_addr', 'inet_service'], value: 'verdict', interval: true },
    { key: ['inet_proto', 'ether_type', 'ether_addr'], interval: false },
    { key: [63], interval: false },
  ] as const
  return sets.map(set => {
    try {
      return nft.keyedElements(set, elements)
    } catch (error) {
      if (hasCode(error, 'netlink.malformed')) return 'refused'
      throw error
    }
  })
}

function ofType(type: number): Uint8Array[] {
  return seeds.filter(seed => messageOf(seed).type === type)
}

function newMessage(type: number, body: Uint8Array): Uint8Array {
  return encodeMessage({ type, flags: 0, sequence: 0, body })
}
