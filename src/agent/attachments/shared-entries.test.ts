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
