import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { IptablesChainEntry, IptablesTable } from '../entry.ts'
import { chainLines } from './chain-lines.ts'

const chain = (table: IptablesTable): IptablesChainEntry => ({
  kind: 'iptables-chain',
  family: 4,
  table,
  name: 'PODLACE-A',
  rules: [['-j', 'ACCEPT']],
  jumps: [{ from: table === 'nat' ? 'POSTROUTING' : 'FORWARD', rule: ['-j', 'PODLACE-A'] }],
})

const made = (table: IptablesTable) =>
  chainLines({ table, name: 'PODLACE-A', before: undefined, after: chain(table) })

test('in nat what others do comes first, in filter what is ours', () => {
  assert.deepEqual(made('nat'), ['-N PODLACE-A', '-A PODLACE-A -j ACCEPT', '-A POSTROUTING -j PODLACE-A'])
  assert.deepEqual(made('filter'), ['-N PODLACE-A', '-A PODLACE-A -j ACCEPT', '-I FORWARD -j PODLACE-A'])
})

test('what leads to a chain goes before it does', () => {
  const before = chain('filter')
  assert.deepEqual(chainLines({ table: 'filter', name: 'PODLACE-A', before, after: undefined }), [
    '-F PODLACE-A',
    '-D FORWARD -j PODLACE-A',
    '-X PODLACE-A',
  ])
})
