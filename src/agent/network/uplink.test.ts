import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Entry, ObservedEntry } from '../../kernel/index.ts'
import { findUplink } from './uplink.ts'

const link = (name: string, mtu: number): Entry => ({
  kind: 'link',
  type: 'device',
  claim: 'use',
  owner: '',
  name,
  mtu,
})
const address = (name: string, text: string): Entry => ({ kind: 'address', link: name, address: text })
const seen = (...entries: Entry[]): ObservedEntry[] => entries.map(entry => ({ entry, mark: 'foreign' }))

const machine = seen(
  link('lo', 65536),
  link('eth0', 1500),
  link('bond0', 9000),
  address('lo', '127.0.0.1/8'),
  address('eth0', '10.0.0.5/24'),
  address('bond0', '192.168.77.1/24'),
  address('bond0', 'fe80::1/64'),
  address('bond0', 'fd00:77::1/64'),
)

test('the uplink is the device with the node’s address, with all of its addresses but link-local ones', () => {
  assert.deepEqual(findUplink(machine, { publicAddress: '192.168.77.1' }), {
    device: 'bond0',
    mtu: 9000,
    addresses: ['192.168.77.1/24', 'fd00:77::1/64'],
  })
})

test('an address is compared as an address, not as text', () => {
  assert.equal(findUplink(machine, { publicAddress: 'FD00:77:0::1' })?.device, 'bond0')
})

test('a device that is named wins; one that is not there, or an address nobody has, gives none', () => {
  assert.equal(findUplink(machine, { device: 'eth0', publicAddress: '192.168.77.1' })?.device, 'eth0')
  assert.equal(findUplink(machine, { device: 'eth9', publicAddress: '192.168.77.1' }), undefined)
  assert.equal(findUplink(machine, { publicAddress: '192.168.77.2' }), undefined)
  assert.equal(findUplink(machine, { publicAddress: 'not an address' }), undefined)
  assert.equal(findUplink([], {}), undefined)
})

test('a device that was the uplink stays it under another address of the family, while nobody has the one told', () => {
  const moved = { publicAddress: '192.168.77.2', former: 'bond0' }
  assert.equal(findUplink(machine, moved)?.device, 'bond0')
  assert.equal(findUplink(machine, { ...moved, publicAddress: '10.0.0.5' })?.device, 'eth0')
  assert.equal(findUplink(machine, { publicAddress: 'fd00::2', former: 'eth0' }), undefined)
  assert.equal(findUplink(machine, { former: 'bond0' }), undefined)
})
