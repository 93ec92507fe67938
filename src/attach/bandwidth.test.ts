import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type BandwidthSpec, planBandwidth } from './bandwidth.ts'
import type { CniResult } from './result.ts'

const prevResult: CniResult = {
  interfaces: [{ name: 'cni0' }, { name: 'veth1' }, { name: 'eth0', sandbox: '/run/netns/a' }],
  ips: [{ interface: 2, address: '10.1.0.2/24' }],
  routes: [],
  dns: {},
}
const spec: Omit<BandwidthSpec, 'config'> = {
  network: 'pods',
  containerId: 'c1',
  ifName: 'eth0',
  prevResult,
  hostInterface: { name: 'veth1', mtu: 1450 },
}
const SHAPER = 'bwpd72e032fedd9'
const limit = { rateBps: 8_000_000, burstBits: 800_000 }
/** 25 ms of a million bytes a second wait beside the burst. */
const qdisc = { type: 'tbf', rateBps: 8_000_000, burstBytes: 100_000, limitBytes: 125_000 }

test('what the pod receives is queued at the host’s end', () => {
  const plan = planBandwidth({ ...spec, config: { ingress: limit } })
  assert.deepEqual(plan.host, [{ kind: 'qdisc', link: 'veth1', qdisc }])
  assert.equal(plan.result, prevResult)
})

test('what it sends goes through a device that has a queue, which the result names', () => {
  const plan = planBandwidth({ ...spec, config: { egress: limit } })
  const [link] = plan.host
  assert.ok(link?.kind === 'link' && link.mac !== undefined)
  const { mac } = link
  assert.deepEqual(plan.host, [
    {
      kind: 'link',
      type: 'ifb',
      claim: 'own',
      name: SHAPER,
      owner: 'container c1 eth0',
      mac,
      mtu: 1450,
      addrGenMode: 'none',
      up: true,
    },
    { kind: 'qdisc', link: SHAPER, qdisc },
    { kind: 'redirect', link: 'veth1', to: SHAPER },
  ])
  assert.deepEqual(plan.result, {
    ...prevResult,
    interfaces: [...prevResult.interfaces, { name: SHAPER, mac }],
  })
})

test('a device that has no IPv6 is not told to be without an address of it', () => {
  const config = { egress: limit }
  const small = { ...spec, config, hostInterface: { name: 'veth1', mtu: 1279 } }
  for (const { host } of [planBandwidth(small), planBandwidth({ ...spec, config, hostHasIpv6: false })])
    assert.ok(host[0]?.kind === 'link' && host[0].addrGenMode === undefined)
})

test('limits for some peers go by whom a packet is from, and on its way out by whom it is for', () => {
  const peers = { shaped: 'listed', prefixes: ['10.0.0.0/8', 'fd00::/8'] } as const
  const { host } = planBandwidth({ ...spec, config: { ingress: limit, egress: limit, peers } })
  const selective = { ...qdisc, ...peers, type: 'htb' }
  assert.deepEqual(
    host.filter(({ kind }) => kind === 'qdisc'),
    [
      { kind: 'qdisc', link: 'veth1', qdisc: { ...selective, by: 'source' } },
      { kind: 'qdisc', link: SHAPER, qdisc: { ...selective, by: 'destination' } },
    ],
  )
})

test('without a limit there is nothing to do', () => {
  const plan = planBandwidth({ ...spec, config: {} })
  const { result, ...entries } = plan
  assert.equal(result, prevResult)
  assert.deepEqual(entries, { pod: [], host: [], shared: [], displaced: [] })
})

test('two interfaces of one container do not share a device', () => {
  const names = ['eth0', 'eth1'].map(ifName => {
    const [link] = planBandwidth({ ...spec, ifName, config: { egress: limit } }).host
    return link?.kind === 'link' ? link.name : undefined
  })
  assert.equal(new Set(names).size, 2)
})

test('rates and bursts at their ends', () => {
  assert.deepEqual(bytes(8, 8), [1, 1])
  assert.deepEqual(bytes(327, 15), [1, 2])
  assert.deepEqual(bytes(2 ** 53 - 1, (2 ** 32 - 1) * 8 - 1), [2 ** 32 - 2, 2 ** 32 - 1])
})

/** Bytes that may go at once, and bytes that may wait. */
function bytes(rateBps: number, burstBits: number): readonly number[] {
  const [entry] = planBandwidth({ ...spec, config: { ingress: { rateBps, burstBits } } }).host
  assert.ok(entry?.kind === 'qdisc' && entry.qdisc.type === 'tbf')
  return [entry.qdisc.burstBytes, entry.qdisc.limitBytes]
}
