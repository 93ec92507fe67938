import assert from 'node:assert/strict'
import { test } from 'node:test'
import { silentLogger } from '../../src/base/index.ts'
import { Graph } from '../../src/derive/index.ts'
import { type Entry, entryKey, Reconciler } from '../../src/kernel/index.ts'
import { NetlinkKernel } from '../../src/kernel/index.ts'
import type { Harness } from '../../src/kernel/kernel-suite.ts'
import { NetlinkEvents, Netns } from '../../src/sys/index.ts'
import { createHarness, run } from './kernel-harness.ts'

const uplink: Entry = { kind: 'link', type: 'device', name: 'uplink', claim: 'use', owner: 't' }
const cni0: Entry = { kind: 'link', type: 'bridge', name: 'cni0', claim: 'own', owner: 't', up: true }
const gateway: Entry = { kind: 'address', link: 'cni0', address: '10.244.1.1/24' }
const vxlan: Entry = {
  kind: 'link',
  type: 'vxlan',
  name: 'flannel.1',
  claim: 'own',
  owner: 't',
  vni: 1,
  udpPort: 8472,
  local: '192.168.77.1',
  device: 'uplink',
  learning: false,
  gbp: false,
  up: true,
}
