import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Node } from '../../model/index.ts'
import { keptNode } from './kept-node.ts'

test('of a Node only what the agent reads is kept', () => {
  const metadata = { name: 'n', uid: 'u', resourceVersion: '7', creationTimestamp: '2026-01-01T00:00:00Z' }
  const annotations = { 'flannel.alpha.coreos.com/backend-type': 'vxlan' }
  const addresses = [{ type: 'InternalIP', address: '192.0.2.1' }]
  const kept: Node = {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { ...metadata, annotations },
    spec: { podCIDR: '10.1.0.0/24', podCIDRs: ['10.1.0.0/24'] },
    status: { addresses },
  }
  const whole = {
    ...kept,
    metadata: {
      ...kept.metadata,
      labels: { zone: 'a' },
      annotations: { ...annotations, 'example.org/large': 'x'.repeat(1000) },
    },
    spec: { ...kept.spec, taints: [] },
    status: { addresses, images: [{ names: ['a', 'b'] }], conditions: [] },
  }
  const stem = 'flannel.alpha.coreos.com/'
  assert.deepEqual(keptNode(whole, stem), kept)
  assert.deepEqual(keptNode({ apiVersion: 'v1', kind: 'Node', metadata, spec: {}, status: {} }, stem), {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { ...metadata, annotations: {} },
    spec: {},
    status: {},
  })
})
