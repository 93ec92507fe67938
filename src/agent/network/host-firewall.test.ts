import assert from 'node:assert/strict'
import { test } from 'node:test'
import { entryKey, type NftTableEntry, type ObservedEntry } from '../../kernel/index.ts'
import { networkConfig, self } from '../../overlay/testing.ts'
import { firewallFindings } from './host-firewall.ts'

const table: NftTableEntry = { kind: 'nft-table', family: 'inet', name: 'firewalld', sets: [], chains: [] }
const observed = new Map<string, ObservedEntry>([[entryKey(table), { entry: table, mark: 'foreign' }]])

const commandsFor = (type: 'vxlan' | 'ipip' | 'host-gw') => {
  const config = networkConfig({ backend: { type } })
  const [finding] = firewallFindings(observed, { config, self, nodeUid: '', overwrite: {} })
  return [...(finding?.text.matchAll(/`firewall-cmd --permanent ([^`]*)`/g) ?? [])].map(found => found[1])
}

test('firewalld is told of the pod network, and of what nodes send each other', () => {
  const sources = '--zone=trusted --add-source=10.244.0.0/16'
  assert.deepEqual(commandsFor('vxlan'), [sources, '--add-port=8472/udp'])
  assert.deepEqual(commandsFor('ipip'), [sources, '--add-protocol=4'])
  assert.deepEqual(commandsFor('host-gw'), [sources])
})

test('without its table nothing is said', () => {
  const network = { config: networkConfig(), self, nodeUid: '', overwrite: {} }
  assert.deepEqual(firewallFindings(new Map(), network), [])
  assert.deepEqual(firewallFindings(observed, undefined), [])
})
