import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Address, decodeAddress, encodeAddress, RTM_NEWADDR } from './address.ts'
import {
  address,
  addressOf,
  family,
  index,
  interfaceAddressOf,
  mac,
  name,
  partial,
  prefixOfFamily,
  u8,
  u16,
  u32,
} from './arbitraries.ts'
import { decodeFlow, deleteFlow, encodeFlow, type Flow, listFlows } from './conntrack.ts'
import { decodeFdb, encodeFdb, type Fdb, type FdbState } from './fdb.ts'
import type { Message } from './messages.ts'
import { decodeNeighbour, encodeNeighbour, type Neighbour } from './neighbour.ts'
import { type NeighbourState, NTF_PROXY, NTF_SELF, RTM_NEWNEIGH } from './neighbour-wire.ts'
import { decodeRoute, encodeNewRoute, type Route, RTM_NEWROUTE } from './route.ts'
import { type RouteScope, type RouteType, routeScopes, routeTypes } from './route-names.ts'
import { decodeRule, encodeRule, RTM_NEWRULE, type Rule, type RuleAction } from './rule.ts'

/** Every object comes back from its bytes as it was. */

function message(type: number, body: Uint8Array): Message {
  return { type, flags: 0, sequence: 0, portId: 0, body }
}

const scope: fc.Arbitrary<RouteScope> = u8.map(number => routeScopes.toName(number))
const type: fc.Arbitrary<RouteType> = u8.map(number => routeTypes.toName(number))

test('addresses', () => {
  const arbitrary: fc.Arbitrary<Address> = family.chain(of =>
    fc.record({ linkIndex: index, address: interfaceAddressOf(of), scope, flags: u32 }).chain(required =>
      partial({ label: name, protocol: u8, broadcast: addressOf(of), validLifetimeS: u16 }).map(more => ({
        ...required,
        ...more,
      })),
    ),
  )
  fc.assert(
    fc.property(arbitrary, value => {
      assert.deepEqual(decodeAddress(message(RTM_NEWADDR, encodeAddress(value))), value)
    }),
  )
})

test('the peer of a point-to-point address', () => {
  const value = { linkIndex: 3, address: '10.0.0.1/32', peer: '10.0.0.2/32' }
  const decoded = decodeAddress(message(RTM_NEWADDR, encodeAddress(value)))
  assert.deepEqual(decoded, { ...value, scope: 'universe', flags: 0 })
})

const metrics = partial({ lock: u32, mtu: u32, advmss: u32, hopLimit: u32 })

test('routes', () => {
  const arbitrary: fc.Arbitrary<Route> = family.chain(of => {
    const nextHop = fc
      .record({ linkIndex: index, weight: fc.integer({ min: 1, max: 256 }), flags: u8 })
      .chain(hop => partial({ gateway: addressOf(of) }).map(more => ({ ...hop, ...more })))
    return fc
      .record({
        dst: prefixOfFamily(of),
        table: u32,
        metric: u32,
        protocol: u8,
        scope,
        type,
        tos: u8,
        flags: u32,
      })
      .chain(required =>
        partial({
          linkIndex: index,
          gateway: address,
          prefSrc: addressOf(of),
          metrics,
          nextHops: fc.array(nextHop, { maxLength: 4 }),
          mark: u32,
        }).map(more => ({ ...required, onlink: (required.flags & 4) !== 0, ...more })),
      )
  })
  fc.assert(
    fc.property(arbitrary, value => {
      assert.deepEqual(decodeRoute(message(RTM_NEWROUTE, encodeNewRoute(value))), value)
    }),
  )
})

test('rules', () => {
  const action = fc.constantFrom<RuleAction>('to-table', 'blackhole', 'prohibit', 77)
  const arbitrary: fc.Arbitrary<Rule> = family.chain(of =>
    fc
      .record({ family: fc.constant(of), priority: u32, action, table: u32, tos: u8, invert: fc.boolean() })
      .chain(required =>
        partial({
          // A prefix of length zero matches all, which is said by leaving it out.
          src: prefixOfFamily(of).filter(prefix => !prefix.endsWith('/0')),
          dst: prefixOfFamily(of).filter(prefix => !prefix.endsWith('/0')),
          iif: name,
          oif: name,
          fwmark: fc.record({ value: u32, mask: u32 }, { noNullPrototype: true }),
          ipProtocol: u8,
          protocol: u8,
          suppressPrefixLength: u8,
          gotoPriority: u32,
        }).map(more => ({ ...required, ...more })),
      ),
  )
  fc.assert(
    fc.property(arbitrary, value => {
      assert.deepEqual(decodeRule(message(RTM_NEWRULE, encodeRule(value))), value)
    }),
  )
})

test('neighbours', () => {
  const state = fc.constantFrom<NeighbourState>('none', 'reachable', 'stale', 'noarp', 'permanent', 192)
  const arbitrary: fc.Arbitrary<Neighbour> = fc
    .record({ linkIndex: index, address, state, flags: u8 })
    .chain(required =>
      partial({ mac, protocol: u8 }).map(more => ({
        ...required,
        proxy: (required.flags & NTF_PROXY) !== 0,
        ...more,
      })),
    )
  fc.assert(
    fc.property(arbitrary, value => {
      assert.deepEqual(decodeNeighbour(message(RTM_NEWNEIGH, encodeNeighbour(value))), value)
    }),
  )
})

test('forwarding entries', () => {
  const state = fc.constantFrom<FdbState>('permanent', 'static', 'dynamic', 'stale')
  const arbitrary: fc.Arbitrary<Fdb> = fc.record({ linkIndex: index, mac, state }).chain(required =>
    partial({ dst: address, port: u16, vni: u32, viaIndex: index, vlan: u16 }).map(more => ({
      ...required,
      self: true,
      flags: NTF_SELF,
      ...more,
    })),
  )
  fc.assert(
    fc.property(arbitrary, value => {
      assert.deepEqual(decodeFdb(message(RTM_NEWNEIGH, encodeFdb(value))), value)
    }),
  )
})

test('an entry that another tool made with one state bit or with two reads the same', () => {
  const body = encodeFdb({ linkIndex: 1, mac: '02:00:00:00:00:01' })
  const bare = body.slice()
  // ndm_state, low byte: NUD_PERMANENT without NUD_NOARP.
  bare[8] = 0x80
  assert.equal(decodeFdb(message(RTM_NEWNEIGH, bare)).state, decodeFdb(message(RTM_NEWNEIGH, body)).state)
})

test('what is left out gets what iproute2 would give', () => {
  const direct = decodeRoute(message(RTM_NEWROUTE, encodeNewRoute({ dst: '10.0.0.0/8', linkIndex: 2 })))
  assert.deepEqual([direct.table, direct.protocol, direct.scope, direct.type], [254, 3, 'link', 'unicast'])
  const via = decodeRoute(message(RTM_NEWROUTE, encodeNewRoute({ dst: '10.0.0.0/8', gateway: '10.0.0.1' })))
  assert.equal(via.scope, 'universe')
  const loopback = encodeAddress({ linkIndex: 1, address: '127.0.0.1/8' })
  assert.equal(decodeAddress(message(RTM_NEWADDR, loopback)).scope, 'host')
})

/** IPCTNL_MSG_CT_NEW of NFNL_SUBSYS_CTNETLINK. */
const CT_NEW = 0x100

test('tracked connections', () => {
  const arbitrary: fc.Arbitrary<Flow> = family.chain(of =>
    fc
      .record({
        family: fc.constant(of),
        source: addressOf(of),
        destination: addressOf(of),
        protocol: u8,
        sourcePort: u16,
        destinationPort: u16,
      })
      .chain(required => partial({ id: u32, zone: u16 }).map(more => ({ ...required, ...more }))),
  )
  fc.assert(
    fc.property(arbitrary, value => {
      assert.deepEqual(decodeFlow(message(CT_NEW, encodeFlow(value))), value)
      assert.deepEqual(decodeFlow(message(CT_NEW, deleteFlow(value).body)), value)
    }),
  )
})

test('a connection without ports is refused in words', () => {
  const { body } = listFlows({ family: 4, protocol: 1, destinationPort: 7 })
  assert.throws(() => decodeFlow(message(CT_NEW, body)), /it has no addresses/)
  const named = listFlows({ family: 4, protocol: 1, destinationPort: 7, destination: '10.0.0.1' }).body
  assert.throws(() => decodeFlow(message(CT_NEW, named)), /it has no addresses/)
  assert.throws(() => decodeFlow(message(0x101, named)), /message type 257/)
})
