import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BridgeVlan, LinkEntry } from '../entry.ts'
import type { ObservedEntry } from '../operation.ts'
import { linkRules } from './link.ts'

const own = { kind: 'link', claim: 'own', owner: 't', name: 'eth0' } as const

/** What a difference between two links of ours calls for. */
function difference(desired: LinkEntry, observed: LinkEntry): 'none' | 'change' | 'anew' {
  const seen: ObservedEntry = { entry: observed, mark: 'ours' }
  if (linkRules.equals(desired, seen)) return 'none'
  return linkRules.mustRecreate(desired, seen) ? 'anew' : 'change'
}

const here: LinkEntry = { ...own, type: 'macvlan', device: 'eth1', mode: 'bridge' }
const onHost: LinkEntry = { ...here, deviceNetns: 'host' }
const table: readonly [
  what: string,
  desired: LinkEntry,
  observed: LinkEntry,
  ReturnType<typeof difference>,
][] = [
  ['the device is the one', onHost, onHost, 'none'],
  [
    'the device is elsewhere, and nobody knows where',
    onHost,
    { ...onHost, device: '', deviceNetns: '' },
    'none',
  ],
  ['the device is another one of that namespace', onHost, { ...onHost, device: 'eth2' }, 'anew'],
  ['the device has its name in another namespace', onHost, { ...onHost, deviceNetns: 'nsid 3' }, 'anew'],
  ['the device is here and should be elsewhere', onHost, here, 'anew'],
  ['the device is elsewhere and should be here', here, { ...here, device: '', deviceNetns: '' }, 'anew'],
  [
    'a macvlan queues more',
    { ...here, broadcastQueueLength: 9 },
    { ...here, broadcastQueueLength: 8 },
    'change',
  ],
  [
    'an ipvlan has another flag',
    { ...own, type: 'ipvlan', device: 'eth1', mode: 'l2', flag: 'vepa' },
    { ...own, type: 'ipvlan', device: 'eth1', mode: 'l2', flag: 'bridge' },
    'anew',
  ],
  [
    'a VLAN interface has another id',
    { ...own, type: 'vlan', device: 'eth1', id: 5 },
    { ...own, type: 'vlan', device: 'eth1', id: 6 },
    'anew',
  ],
  [
    'an ipip tunnel starts at another address',
    { ...own, type: 'ipip', local: '192.0.2.1', pathMtuDiscovery: false },
    { ...own, type: 'ipip', local: '192.0.2.2', pathMtuDiscovery: false },
    'anew',
  ],
  ['a VRF has another table', { ...own, type: 'vrf', table: 5 }, { ...own, type: 'vrf', table: 6 }, 'anew'],
  [
    'a TAP should be a TUN',
    { ...own, type: 'tun', mode: 'tun' },
    { ...own, type: 'tun', mode: 'tap' },
    'anew',
  ],
  [
    'where a TAP was made shows nowhere',
    { ...own, type: 'tun', mode: 'tap', madeIn: 'host' },
    { ...own, type: 'tun', mode: 'tap', multiQueue: false },
    'none',
  ],
  [
    'a device that was moved here names no owner',
    { ...own, type: 'device', movedFrom: { netns: 'host', name: 'nic0' } },
    { ...own, owner: '', type: 'device', movedFrom: { netns: '', name: 'nic0', alias: 'rack' } },
    'none',
  ],
  [
    'settings of any link',
    { ...own, type: 'dummy', promisc: true, allmulticast: true, txQueueLength: 5 },
    { ...own, type: 'dummy', promisc: true, allmulticast: true, txQueueLength: 6 },
    'change',
  ],
]

for (const [what, desired, observed, expected] of table) {
  test(`${what}: ${expected}`, () => assert.equal(difference(desired, observed), expected))
}

const vlans = (claim: 'own' | 'use', wanted: readonly BridgeVlan[], seen?: readonly BridgeVlan[]) =>
  difference(
    { ...own, claim, type: 'device', bridgePort: { vlans: wanted } },
    { ...own, type: 'device', bridgePort: seen === undefined ? {} : { vlans: seen } },
  )

test('a port of ours has the VLANs it should and no other; on one of others ours are among them', () => {
  const both = [{ id: 1, pvid: true, untagged: true }, { id: 5 }]
  assert.equal(vlans('own', both, both.toReversed()), 'none')
  assert.equal(vlans('own', [{ id: 5, pvid: false }], [{ id: 5, untagged: false }]), 'none')
  assert.equal(vlans('own', [{ id: 5 }], both), 'change')
  assert.equal(vlans('use', [{ id: 5 }], both), 'none')
  assert.equal(vlans('use', [{ id: 1 }], both), 'change')
  assert.equal(vlans('own', [], []), 'none')
  assert.equal(vlans('own', []), 'change')
})
