import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  addAddress,
  addFdb,
  addLink,
  addNeighbour,
  addRoute,
  addRule,
  decodeEvent,
  deleteLink,
  deleteRoute,
  deleteRule,
  parseEvents,
  type RouteEvent,
  routeGroups,
  setLink,
} from '../../src/netlink/index.ts'
import { NetlinkEvents } from '../../src/sys/index.ts'
import { NetlinkFixture } from './netlink-fixture.ts'

/** Multicast messages of the real kernel decode to the objects that dumps give. */

function describe(event: RouteEvent): string {
  const { change, object, value } = event
  switch (event.object) {
    case 'link':
    case 'bridge-port':
      return `${change} ${object} ${event.value.name}`
    case 'address':
      return `${change} ${object} ${event.value.address}`
    case 'route':
      return `${change} ${object} ${event.value.dst} table ${event.value.table}`
    case 'rule':
      return `${change} ${object} ${event.value.priority}`
    case 'neighbour':
      return `${change} ${object} ${event.value.address}`
    case 'fdb':
      return `${change} ${object} ${event.value.mac}`
    default:
      return `${change} ${object} ${JSON.stringify(value)}`
  }
}

test('what is done comes by as events', async () => {
  using host = new NetlinkFixture()
  const events = NetlinkEvents.openIn(host.netns, 'route', Object.values(routeGroups))
  try {
    const drained = () =>
      parseEvents(events.drain().datagrams)
        .map(decodeEvent)
        .filter(event => event !== undefined)
        .map(describe)
    await host.ok(addLink({ name: 'br0', up: true, info: { kind: 'bridge' } }))
    assert.ok(drained().includes('new link br0'))
    const { index } = await host.link('br0')
    await host.ok(addAddress({ linkIndex: index, address: '10.1.0.1/24' }))
    const afterAddress = drained()
    for (const expected of ['new address 10.1.0.1/24', 'new route 10.1.0.0/24 table 254']) {
      assert.ok(afterAddress.includes(expected), `${expected} in ${afterAddress.join(', ')}`)
    }
    const route = { dst: '10.5.0.0/16', gateway: '10.1.0.9', protocol: 113 }
    const rule = { family: 4 as const, priority: 100, table: 1000 }
    await host.ok(addRoute(route), addRule(rule), deleteRoute(route), deleteRule(rule))
    assert.deepEqual(drained(), [
      'new route 10.5.0.0/16 table 254',
      'new rule 100',
      'delete route 10.5.0.0/16 table 254',
      'delete rule 100',
    ])
    await host.ok(addNeighbour({ linkIndex: index, address: '10.1.0.7', mac: '02:00:00:00:00:07' }))
    assert.ok(drained().includes('new neighbour 10.1.0.7'))
  } finally {
    events.close()
  }
})

test('leaving a bridge is not the end of the link', async () => {
  using host = new NetlinkFixture()
  await host.ok(
    addLink({ name: 'br0', info: { kind: 'bridge' } }),
    addLink({ name: 'v0', info: { kind: 'veth', peer: { name: 'v1' } } }),
  )
  const [bridge, port] = [await host.link('br0'), await host.link('v0')]
  const events = NetlinkEvents.openIn(host.netns, 'route', [routeGroups.link, routeGroups.neighbour])
  try {
    const drained = () =>
      parseEvents(events.drain().datagrams)
        .map(decodeEvent)
        .filter(event => event !== undefined)
        .map(describe)
    await host.ok(setLink({ index: port.index }, { masterIndex: bridge.index }))
    assert.ok(drained().includes('new bridge-port v0'))
    await host.ok(addFdb({ linkIndex: port.index, mac: '02:00:00:00:00:05', self: false, state: 'static' }))
    assert.ok(drained().includes('new fdb 02:00:00:00:00:05'))
    await host.ok(setLink({ index: port.index }, { masterIndex: 0 }))
    const left = drained()
    assert.ok(left.includes('delete bridge-port v0') && !left.includes('delete link v0'), left.join(', '))
    await host.ok(deleteLink({ index: port.index }))
    assert.ok(drained().includes('delete link v0'))
  } finally {
    events.close()
  }
})

test('the IPv4 routes of a link that goes down go without an event', async () => {
  using host = new NetlinkFixture()
  await host.ok(addLink({ name: 'br0', up: true, info: { kind: 'bridge' } }))
  const { index } = await host.link('br0')
  await host.ok(
    addAddress({ linkIndex: index, address: '10.1.0.1/24' }),
    addRoute({ dst: '10.5.0.0/16', gateway: '10.1.0.9' }),
  )
  const events = NetlinkEvents.openIn(host.netns, 'route', Object.values(routeGroups))
  try {
    await host.ok(setLink({ index }, { up: false }))
    const decoded = parseEvents(events.drain().datagrams).map(decodeEvent)
    const seen = new Set(decoded.filter(event => event !== undefined).map(describe))
    assert.ok(seen.has('new link br0'))
    assert.ok(!seen.has('delete route 10.5.0.0/16 table 254'))
    assert.deepEqual(host.json('ip', '-j', 'route', 'show'), [])
  } finally {
    events.close()
  }
})
