import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Graph } from '../../derive/index.ts'
import { type Entry, entryKey } from '../../kernel/index.ts'
import { NetworkEntries } from './shared-entries.ts'

const gateway = (address: string): Entry => ({ kind: 'address', link: 'cni0', address })

test('what a later attachment does not share goes with the last of the earlier ones', () => {
  const source = new Graph().source<readonly Entry[]>('networks')
  const networks = new NetworkEntries(source)
  const keys = () => (source.get('pods') ?? []).map(entryKey)
  networks.use('pods', [gateway('10.1.0.1/24'), gateway('10.9.0.1/24')])
  networks.retain('pods', [gateway('10.1.0.1/24'), gateway('10.2.0.1/24')])
  assert.deepEqual(keys(), [entryKey(gateway('10.1.0.1/24'))])
  networks.use('pods', [gateway('10.2.0.1/24')])
  assert.deepEqual(keys(), [gateway('10.1.0.1/24'), gateway('10.2.0.1/24')].map(entryKey))
})

const forwarding = (value: string): Entry => ({ kind: 'sysctl', path: 'ipv4/conf/all/forwarding', value })

test('what is there already is not written again, what differs is', () => {
  const graph = new Graph()
  const source = graph.source<readonly Entry[]>('networks')
  const networks = new NetworkEntries(source)
  networks.use('pods', [gateway('10.1.0.1/24'), forwarding('0')])
  const { ticks } = graph.counters
  networks.use('pods', [forwarding('0'), gateway('10.1.0.1/24')])
  assert.equal(graph.counters.ticks, ticks)
  networks.use('pods', [gateway('10.1.0.1/24'), forwarding('1')])
  assert.deepEqual(source.get('pods'), [gateway('10.1.0.1/24'), forwarding('1')])
})

const bridge = (id: number): Entry => ({
  kind: 'link',
  type: 'bridge',
  claim: 'own',
  name: 'cni0',
  owner: 'bridge cni0',
  up: true,
  vlanFiltering: true,
  vlans: [{ id }],
})

test('networks on one bridge still agree when each has another pod', () => {
  const source = new Graph().source<readonly Entry[]>('networks')
  const networks = new NetworkEntries(source)
  const vlans = (network: string) =>
    (source.get(network) ?? []).flatMap(entry =>
      entry.kind === 'link' && entry.type === 'bridge' ? (entry.vlans ?? []).map(({ id }) => id) : [],
    )
  for (let pod = 0; pod < 2; pod += 1) {
    networks.use('a', [bridge(10)])
    networks.use('b', [bridge(20)])
    assert.deepEqual(
      [vlans('a'), vlans('b')],
      [
        [10, 20],
        [10, 20],
      ],
    )
  }
})
