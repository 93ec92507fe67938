import assert from 'node:assert/strict'
import { test } from 'node:test'
import { iptablesRule } from '../entry.ts'
import { savedChains } from './saved-chains.ts'
import { quoteWord } from './words.ts'

const rule = iptablesRule('pod default/web-1 eth0', '-s', '10.1.2.3', '-j', 'PODLACE-A')
const line = rule.map(quoteWord).join(' ')

const saved = (tables: Readonly<Record<string, readonly string[]>>) =>
  Object.entries(tables)
    .flatMap(([table, lines]) => ['# Generated', `*${table}`, ...lines, 'COMMIT'])
    .join('\n')
    .concat('\n')

test('a chain of ours with its rules, whoever added them, and with what of ours leads there', () => {
  const text = saved({
    nat: [
      ':POSTROUTING ACCEPT [0:0]',
      ':PODLACE-A - [0:0]',
      ':KUBE-A - [0:0]',
      '-A POSTROUTING -j KUBE-A',
      `-A POSTROUTING ${line}`,
      '-A POSTROUTING -m comment --comment mine -j PODLACE-A',
      '-A KUBE-A -j PODLACE-A',
      '-A PODLACE-A -j MASQUERADE',
    ],
  })
  assert.deepEqual(savedChains(4, text), [
    {
      kind: 'iptables-chain',
      family: 4,
      table: 'nat',
      name: 'PODLACE-A',
      rules: [['-j', 'MASQUERADE']],
      jumps: [{ from: 'POSTROUTING', rule }],
    },
  ])
})

test('chains of one name in two tables are two, and each has its own', () => {
  const text = saved({
    filter: [':FORWARD DROP [0:0]', ':PODLACE-A - [0:0]', `-A FORWARD ${line}`],
    mangle: [':PODLACE-A - [0:0]'],
    nat: [':PODLACE-A - [0:0]', '-A PODLACE-A -j RETURN'],
  })
  const chain = { kind: 'iptables-chain', family: 6, name: 'PODLACE-A' }
  assert.deepEqual(savedChains(6, text), [
    { ...chain, table: 'nat', rules: [['-j', 'RETURN']], jumps: [] },
    { ...chain, table: 'filter', rules: [], jumps: [{ from: 'FORWARD', rule }] },
  ])
})

test('nothing where there is nothing of ours', () => {
  assert.deepEqual(savedChains(4, saved({ nat: ['-A POSTROUTING -j MASQUERADE'] })), [])
  assert.deepEqual(savedChains(6, ''), [])
})
