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

test('in nat what others do comes first, in filter what is ours', () => {
  const lines = (table: IptablesTable) =>
    chainLines({ table, name: 'PODLACE-A', before: undefined, after: chain(table) })
  assert.deepEqual(lines('nat'), ['-N PODLACE-A', '-A PODLACE-A -j ACCEPT', '-A POSTROUTING -j PODLACE-A'])
  assert.deepEqual(lines('filter'), ['-N PODLACE-A', '-A PODLACE-A -j ACCEPT', '-I FORWARD -j PODLACE-A'])
})

test('what leads to a chain goes before it does', () => {
  const before = chain('filter')
  assert.deepEqual(chainLines({ table: 'filter', name: 'PODLACE-A', before, after: undefined }), [
    '-F PODLACE-A',
    '-D FORWARD -j PODLACE-A',
    '-X PODLACE-A',
  ])
})
