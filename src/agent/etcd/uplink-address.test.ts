import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Entry } from '../../kernel/index.ts'
import { uplinkAddressOf } from './uplink-address.ts'

const observed = (...entries: Entry[]) => entries.map(entry => ({ entry, mark: 'foreign' as const }))
const address = (link: string, text: string, scope: 'global' | 'link' = 'global'): Entry => ({
  kind: 'address',
  link,
  address: text,
  scope,
})
const byDefault: Entry = {
  kind: 'route',
  dst: '0.0.0.0/0',
  gateway: '192.168.7.1',
  link: 'eth0',
  table: 254,
  metric: 0,
}

test('of several addresses it is the first that the kernel tells, however they sort', () => {
  const all = observed(
    address('eth0', 'fd00::9/64'),
    address('eth0', '192.168.7.1/32', 'link'),
    address('eth0', '192.168.7.9/24'),
    address('eth0', '192.168.7.10/32'),
    address('eth1', '10.0.0.1/24'),
    byDefault,
  )
  assert.equal(uplinkAddressOf(all, undefined), '192.168.7.9')
  assert.equal(uplinkAddressOf(all, 'eth1'), '10.0.0.1')
})

test('without one it says what to say', () => {
  assert.throws(() => uplinkAddressOf([], undefined), {
    code: 'agent.config',
    message: /there is no default route: .*--uplink-address/,
  })
  assert.throws(() => uplinkAddressOf(observed(address('eth0', 'fd00::9/64')), 'eth0'), {
    message: /eth0 has no IPv4 address/,
  })
})
