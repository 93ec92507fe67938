import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Entry } from '../kernel/index.ts'
import { planBridge } from './bridge.ts'
import { parseBridgeConfig } from './bridge-config.ts'
import { planFirewall } from './firewall.ts'
import { parseFirewallConfig } from './firewall-config.ts'
import { isAttachmentOwner, isAttachmentTable } from './marks.ts'
import { planPortmap } from './portmap.ts'
import { parsePortmapConfig } from './portmap-config.ts'

const named = { network: 'n', containerId: 'c1', ifName: 'eth0' }
const { host, shared, result } = planBridge(
  {
    ...named,
    sandbox: '/run/netns/c1',
    hostIdentity: 'node-1',
    ips: [{ address: '10.1.2.3/24' }],
    routes: [],
    dns: {},
    config: parseBridgeConfig({ ipMasq: true }),
  },
  'pod',
)
const ports = planPortmap({
  ...named,
  prevResult: result,
  config: parsePortmapConfig({
    markMasqBit: 14,
    runtimeConfig: { portMappings: [{ hostPort: 80, containerPort: 80 }] },
  }),
})
const passage = planFirewall({
  ...named,
  prevResult: result,
  config: parseFirewallConfig({}),
  iptablesFamilies: [4],
})

test('what planners make of links and tables is known by its marks', () => {
  const entries: readonly Entry[] = [...host, ...shared, ...ports.host, ...ports.shared, ...passage.shared]
  for (const entry of entries) {
    if (entry.kind === 'link') assert.ok(isAttachmentOwner(entry.owner), entry.owner)
    if (entry.kind === 'nft-table') assert.ok(isAttachmentTable(entry.name), entry.name)
  }
  const kinds = new Set(entries.map(({ kind }) => kind))
  assert.ok(kinds.has('nft-table') && kinds.has('iptables-chain'))
})

test('what the overlay makes is none of it', () => {
  assert.ok(!isAttachmentOwner('overlay'))
  assert.ok(!isAttachmentTable('podlace-masq'))
})
