import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AgentStatus } from '../../agent/index.ts'
import { PLAIN } from '../ui/palette.ts'
import { statusLines } from './status.ts'

const status: AgentStatus['status'] = {
  node: 'node-1',
  ready: true,
  podCidrs: ['10.244.1.0/24'],
  lease: { text: 'confirmed' },
  backend: { type: 'vxlan' },
  uplink: { device: 'eth0', mtu: 1500 },
  attachments: 3,
  findings: [],
}

const up: AgentStatus['peers'][number] = {
  node: 'node-2',
  publicAddress: '192.168.77.2',
  device: 'flannel.1',
  state: 'up',
  rttMs: 0.314,
  lossRatio: 0.1,
  lastSeen: '2026-01-01T00:00:00.000Z',
  pathMtu: 1450,
  fault: null,
}

test('a sound node', () => {
  assert.deepEqual(statusLines({ status, peers: [up] }, PLAIN), [
    'node-1: ready',
    '  pods     10.244.1.0/24, 3 interfaces',
    '  lease    confirmed',
    '  backend  vxlan',
    '  uplink   eth0, MTU 1500',
    '  peers    1 up, 0 down, 0 not known yet',
    '',
    '  PEER    ADDRESS       THROUGH    STATE  RTT      LOSS  MTU   LAST SEEN',
    '  node-2  192.168.77.2  flannel.1  up     0.31 ms  10 %  1450  2026-01-01T00:00:00.000Z',
  ])
})

test('what is wrong comes in words at the end, and peers with a fault come first', () => {
  const text = 'it does not answer'
  const { backend: _, uplink: __, ...rest } = status
  const bare = { ...rest, ready: false, lacks: 'there is no Node node-1', podCidrs: [] }
  const silent = {
    ...up,
    node: 'node-3',
    state: 'down',
    rttMs: null,
    lossRatio: null,
    lastSeen: null,
  } as const
  const peers = [up, { ...silent, pathMtu: null, fault: text }]
  const lines = statusLines({ status: { ...bare, findings: [{ about: 'Node node-3', text }] }, peers }, PLAIN)
  assert.equal(lines[0], 'node-1: not ready: there is no Node node-1')
  assert.equal(lines[3], '  backend  none')
  assert.equal(lines[8], '  node-3  192.168.77.2  flannel.1  down   -        -     -     never')
  assert.equal(lines.at(-1), '  ✘ Node node-3: it does not answer')
})

test('of many peers not all are shown', () => {
  const peers = Array.from({ length: 100 }, (_, n) => ({ ...up, node: `node-${n}` }))
  assert.equal(statusLines({ status, peers }, PLAIN).at(-1), '  and 60 more: --json has all')
})
