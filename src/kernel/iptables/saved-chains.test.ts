import assert from 'node:assert/strict'
import { test } from 'node:test'
import { iptablesRule } from '../entry.ts'
import { savedChains } from './saved-chains.ts'
import { quoteWord } from './words.ts'

const rule = iptablesRule('pod default/web-1 eth0', '-s', '10.1.2.3', '-j', 'PODLACE-A')
const line = rule.map(quoteWord).join(' ')

const saved = (nat: readonly string[]) =>
  [
    '# Generated',
    '*filter',
    ':PODLACE-F - [0:0]',
    'COMMIT',
    '*nat',
    ':POSTROUTING ACCEPT [0:0]',
    ...nat,
    'COMMIT',
  ]
    .join('\n')
    .concat('\n')

test('a chain of ours with its rules, whoever added them, and with what of ours leads there', () => {
  const text = saved([
    ':PODLACE-A - [0:0]',
    ':KUBE-A - [0:0]',
    '-A POSTROUTING -j KUBE-A',
    `-A POSTROUTING ${line}`,
    '-A POSTROUTING -m comment --comment mine -j PODLACE-A',
    '-A KUBE-A -j PODLACE-A',
    '-A PODLACE-A -j MASQUERADE',
  ])
  assert.deepEqual(savedChains(4, text), [
    {
      kind: 'iptables-chain',
      family: 4,
      name: 'PODLACE-A',
      rules: [['-j', 'MASQUERADE']],
      jumps: [{ from: 'POSTROUTING', rule }],
    },
  ])
})

test('nothing where there is nothing of ours, or no table nat', () => {
  assert.deepEqual(savedChains(4, saved(['-A POSTROUTING -j MASQUERADE'])), [])
  assert.deepEqual(savedChains(6, ''), [])
})
