import assert from 'node:assert/strict'
import { test } from 'node:test'
import { annotationsFor, peerFromNode } from './annotations.ts'
import { overlayMtu, planNode, planPeer } from './plan.ts'
import { commands, networkConfig, node, plainPeer, readBack, self } from './testing.ts'

const config = networkConfig({ backend: { type: 'alloc' } })

test('addresses, and nothing that leads to other nodes', () => {
  assert.deepEqual(commands(planNode(config, self)), ['sysctl -w net/ipv4/conf/all/forwarding=1'])
  assert.equal(overlayMtu(config, self), 1500)
  assert.deepEqual(planPeer(config, self, plainPeer('alloc')), {
    entries: [],
    effects: [],
    tunnelPorts: [],
    ends: [],
    findings: [],
  })
})

test('annotations are those of flannel, which names no type, and read back', () => {
  const written = {
    'kube-subnet-manager': 'true',
    'backend-type': '',
    'public-ip': '192.168.77.1',
    'backend-data': 'null',
  }
  assert.deepEqual(readBack(annotationsFor(config, self)), written)
  const reading = peerFromNode(node({ ...written, 'public-ip': '192.168.77.3' }))
  assert.deepEqual(reading, { peer: plainPeer('alloc'), findings: [] })
})
