import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { hasCode } from '../base/index.ts'
import { address, addressOf, index, mac, name, partial, u8, u16, u32 } from './arbitraries.ts'
import { vlanRanges } from './bridge-vlan.ts'
import { addBridgeVlans } from './bridge-vlan-requests.ts'
import { ByteWriter } from './byte-writer.ts'
import { AF_BRIDGE } from './families.ts'
import { decodeLink, encodeLink, type LinkSpec, RTM_DELLINK, RTM_NEWLINK } from './link.ts'
import { linkHeader } from './link-attributes.ts'
import type { LinkInfo } from './link-kinds/index.ts'
import { setLink } from './link-requests.ts'
import type { Message } from './messages.ts'

function message(body: Uint8Array, type = RTM_NEWLINK): Message {
  return { type, flags: 0, sequence: 0, portId: 0, body }
}

const boolean = fc.boolean()
const peer = partial({ name, mac, mtu: u32, txQueues: u32, rxQueues: u32, index, netnsFd: u16 })
const bridge = partial({ forwardDelay: u32, ageingTime: u32, vlanFiltering: boolean, vlanDefaultPvid: u16 })
const vxlan = partial({
  vni: fc.integer({ min: 0, max: 0xff_ffff }),
  linkIndex: index,
  local: address,
  group: address,
  port: u16,
  learning: boolean,
  ttl: u8,
  limit: u32,
  udpChecksum: boolean,
})
const mode = fc.constantFrom('private' as const, 'vepa' as const, 'bridge' as const, 'passthru' as const)

const ipvlanMode = fc.constantFrom('l2' as const, 'l3' as const, 'l3s' as const)
const ipvlanFlag = fc.constantFrom('bridge' as const, 'private' as const, 'vepa' as const)

/** One per kind of link-kinds/. */
const info: fc.Arbitrary<LinkInfo> = fc.oneof(
  partial({ peer }).map(data => ({ kind: 'veth' as const, ...data })),
  bridge.map(data => ({ kind: 'bridge' as const, ...data })),
  fc.tuple(vxlan, boolean).map(([data, gbp]) => ({ kind: 'vxlan' as const, ...data, gbp })),
  partial({ mode, flags: u16, broadcastQueueLength: u32 }).map(data => ({
    kind: 'macvlan' as const,
    ...data,
  })),
  partial({ mode: ipvlanMode, flag: ipvlanFlag }).map(data => ({ kind: 'ipvlan' as const, ...data })),
  partial({ id: u16, protocol: u16 }).map(data => ({ kind: 'vlan' as const, ...data })),
  partial({ table: u32 }).map(data => ({ kind: 'vrf' as const, ...data })),
  fc.constantFrom({ kind: 'dummy' as const }, { kind: 'ifb' as const }, { kind: 'wireguard' as const }),
  partial({ local: addressOf(4), remote: addressOf(4), ttl: u8, pathMtuDiscovery: boolean }).map(data => ({
    kind: 'ipip' as const,
    ...data,
  })),
  partial({ owner: u32, type: u8, persist: boolean }).map(data => ({ kind: 'tun' as const, ...data })),
)

test('a link of any kind comes back from its bytes', () => {
  const required = fc.record({ name, info, mtu: u32, index })
  const optional = partial({ mac, alias: name, masterIndex: index, parentIndex: index, group: u32 })
  fc.assert(
    fc.property(required, optional, (base, more) => {
      const spec: LinkSpec & { readonly index: number } = { ...base, ...more }
      const decoded = decodeLink(message(encodeLink(spec)))
      const expected = { hardwareType: 0, flags: 0, up: false, ...spec, kind: spec.info.kind }
      assert.deepEqual(decoded, expected)
    }),
  )
})

test('up, promiscuous and allMulticast change only their own flags', () => {
  const body = encodeLink({ index: 3, name: 'x', up: true, promiscuous: false, allMulticast: true })
  const expected = new ByteWriter()
  linkHeader.write(expected, { index: 3, flags: 0x201, changeMask: 0x301 })
  assert.deepEqual(body.subarray(0, 16), expected.finish())
})

test('a kind without a file keeps its name', () => {
  const body = new ByteWriter()
  linkHeader.write(body, { index: 1 })
  body.attribute(3, false, writer => writer.bytes(Buffer.from('wg0\0')))
  body.attribute(18, true, inner => {
    inner.attribute(1, false, writer => writer.bytes(Buffer.from('geneve\0')))
    inner.attribute(2, true, writer => writer.attribute(1, false, data => data.u32(1)))
  })
  const link = decodeLink(message(body.finish()))
  assert.deepEqual([link.kind, link.info], ['geneve', undefined])
})

test('port settings come from a link message and from one of family AF_BRIDGE alike', () => {
  const settings = { hairpin: true, isolated: false, learning: true }
  const plain = decodeLink(message(encodeLink({ index: 2, name: 'v0', bridgePort: settings })))
  assert.deepEqual(plain.bridgePort, settings)
  const event = new ByteWriter()
  linkHeader.write(event, { family: AF_BRIDGE, index: 2 })
  event.attribute(3, false, writer => writer.bytes(Buffer.from('v0\0')))
  event.attribute(12, true, inner => {
    inner.attribute(4, false, writer => writer.u8(1))
    inner.attribute(33, false, writer => writer.u8(0))
    inner.attribute(8, false, writer => writer.u8(1))
  })
  const bridged = decodeLink(message(event.finish(), RTM_DELLINK))
  assert.deepEqual(bridged.bridgePort, settings)
})

test('only a link that is given by index can be renamed', () => {
  assert.throws(
    () => setLink({ name: 'a' }, { name: 'b' }),
    error => hasCode(error, 'netlink.invalid-value'),
  )
})

const bridgeVlan = fc.record(
  { id: fc.integer({ min: 1, max: 4094 }), pvid: boolean, untagged: boolean },
  { noNullPrototype: true },
)
const bridgeVlans = fc.uniqueArray(bridgeVlan, { selector: ({ id }) => id, maxLength: 60 })

test('VLANs come back from their bytes, as few ranges as can be', () => {
  fc.assert(
    fc.property(bridgeVlans, vlans => {
      const { body } = addBridgeVlans({ index: 4 }, vlans)
      const link = new ByteWriter().bytes(body)
      link.attribute(3, false, writer => writer.bytes(Buffer.from('v0\0')))
      const decoded = decodeLink(message(link.finish()))
      assert.deepEqual(
        decoded.bridgeVlans,
        vlans.toSorted((a, b) => a.id - b.id),
      )
    }),
  )
  const plain = { pvid: false, untagged: false }
  const run = [4, 3, 2, 6, 1].map(id => ({ id, ...plain, pvid: id === 1 }))
  assert.deepEqual(
    vlanRanges([...run, { id: 5, ...plain, untagged: true }]).map(({ first, last }) => [first, last]),
    [
      [1, 1],
      [2, 4],
      [5, 5],
      [6, 6],
    ],
  )
})

test('no VLANs are told by what is not of family AF_BRIDGE, and none where the kernel leaves them out', () => {
  const plain = new ByteWriter()
  linkHeader.write(plain, { index: 2 })
  plain.attribute(3, false, writer => writer.bytes(Buffer.from('v0\0')))
  // There, 2 is AF_INET.
  plain.attribute(26, true, inner => inner.attribute(2, true, writer => writer.u32(0)))
  assert.equal(decodeLink(message(plain.finish())).bridgeVlans, undefined)
  const member = new ByteWriter()
  linkHeader.write(member, { family: AF_BRIDGE, index: 2 })
  member.attribute(3, false, writer => writer.bytes(Buffer.from('v0\0')))
  assert.deepEqual(decodeLink(message(member.finish())).bridgeVlans, [])
})
