import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatEntry } from '../kernel/index.ts'
import { planMasquerade } from './masquerade.ts'
import type { AttachmentSpec } from './plan.ts'
import { namedSpec } from './testing.ts'

const spec: AttachmentSpec = namedSpec
const ips = ['10.1.2.3/24', '10.9.0.3/16', 'fd00:1::3/64'].map(address => ({ address }))

test('nobody is masqueraded unasked', () => {
  for (const ipMasqBackend of ['nftables', 'iptables'] as const) {
    assert.deepEqual(planMasquerade({ ipMasq: false, ipMasqBackend }, spec, ips), { host: [], shared: [] })
  }
})

test('iptables: a chain a family, which leads out for what stays in the subnets, and for multicast', () => {
  const { host, shared } = planMasquerade({ ipMasq: true, ipMasqBackend: 'iptables' }, spec, ips)
  assert.deepEqual(shared, [])
  const [chain] = host
  assert.ok(chain?.kind === 'iptables-chain')
  assert.match(chain.name, /^PODLACE-MASQ-[0-9a-f]{15}$/)
  const lines = host.flatMap(entry => formatEntry(entry).split('\n'))
  const bare = lines.map(line =>
    line.replace(/-m comment --comment '.*?' /, '').replaceAll(chain.name, 'CHAIN'),
  )
  assert.deepEqual(bare, [
    'iptables -t nat -N CHAIN',
    'iptables -t nat -A CHAIN -d 10.1.2.0/24 -j RETURN',
    'iptables -t nat -A CHAIN -d 10.9.0.0/16 -j RETURN',
    "iptables -t nat -A CHAIN '!' -d 224.0.0.0/4 -j MASQUERADE --random-fully",
    'iptables -t nat -A POSTROUTING -s 10.1.2.3 -j CHAIN',
    'iptables -t nat -A POSTROUTING -s 10.9.0.3 -j CHAIN',
    'ip6tables -t nat -N CHAIN',
    'ip6tables -t nat -A CHAIN -d fd00:1::/64 -j RETURN',
    "ip6tables -t nat -A CHAIN '!' -d ff00::/8 -j MASQUERADE --random-fully",
    'ip6tables -t nat -A POSTROUTING -s fd00:1::3 -j CHAIN',
  ])
  for (const line of lines.filter(line => line.includes('-A'))) {
    assert.match(line, /--comment 'podlace:pod default\/web-1 eth0 #[0-9a-f]{8}'/)
  }
})

test('iptables: what other attachments have is named otherwise', () => {
  const config = { ipMasq: true, ipMasqBackend: 'iptables' } as const
  const nameOf = (change: Partial<AttachmentSpec>) => {
    const [chain] = planMasquerade(config, { ...spec, ...change }, ips).host
    return chain?.kind === 'iptables-chain' ? chain.name : ''
  }
  const names = [{}, { containerId: 'c2' }, { ifName: 'eth1' }].map(nameOf)
  assert.equal(new Set(names).size, names.length)
})
