import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Entry } from '../kernel/index.ts'
import { threeNodes } from './testing.ts'
import { tracePacket } from './trace.ts'
import type { Trace, TraceWorld } from './world.ts'

const text = ({ steps, verdict }: Trace) => [
  ...steps.map(({ where, what, because }) =>
    [where, what, because.join(', ')].filter(part => part !== '').join(' | '),
  ),
  verdict,
]
const follow = (world: TraceWorld, fromPod: string, toPod: string) =>
  text(tracePacket(world, { fromPod, toPod }))

const OUT = [
  'pod web-1 | default via 10.244.1.1 dev eth0 | Pod web-1',
  'node-1 cni0 | 10.244.3.0/24 via 10.244.3.0 dev flannel.1 | Node node-3',
]
const TUNNEL = [
  'node-1 flannel.1 | 10.244.3.0 is 02:00:00:00:00:03, 02:00:00:00:00:03 is at 192.168.77.3 | Node node-3',
  'wire | 192.168.77.1 → 192.168.77.3 udp 8472, vni 1, +50 bytes',
]

test('from node to node over vxlan', () => {
  assert.deepEqual(follow(threeNodes(), 'web-1', 'web-5'), [
    ...OUT,
    ...TUNNEL,
    'node-3 cni0 | 10.244.3.2 is on veth-web-5 | Pod web-5',
    'reached',
  ])
})

test('on one node: across the bridge', () => {
  assert.deepEqual(follow(threeNodes(), 'web-1', 'web-2'), [
    'pod web-1 | 10.244.1.0/24 dev eth0 | Pod web-1',
    'node-1 cni0 | 10.244.1.3 is on veth-web-2 | Pod web-2',
    'reached',
  ])
})

const direct = (namespace: string, entry: Entry): Entry | undefined => {
  if (entry.kind === 'neighbour' || entry.kind === 'fdb') return undefined
  if (entry.kind !== 'route' || !namespace.startsWith('node')) return entry
  const { onlink: _, ...route } = entry
  return { ...route, link: 'eth0', gateway: `192.168.77.${entry.dst.split('.')[2]}` }
}

/** vxlan's entries as those of ipip; what `change` says of the tunnel at the far end goes before. */
const overIpip =
  (change: (tunnel: Entry) => Entry | undefined = tunnel => tunnel) =>
  (namespace: string, entry: Entry): Entry | undefined => {
    if (entry.kind === 'neighbour' || entry.kind === 'fdb') return undefined
    if (entry.kind === 'link' && entry.type === 'vxlan') {
      const { kind, claim, owner, up = true, local } = entry
      const name = 'flannel.ipip'
      const tunnel: Entry = { kind, type: 'ipip', claim, owner, up, name, local, pathMtuDiscovery: false }
      return namespace === 'node-3' ? change(tunnel) : tunnel
    }
    if (entry.kind !== 'route' || entry.link !== 'flannel.1') return entry
    return { ...entry, link: 'flannel.ipip', gateway: `192.168.77.${entry.dst.split('.')[2]}` }
  }

const INTO_IPIP = [
  'pod web-1 | default via 10.244.1.1 dev eth0 | Pod web-1',
  'node-1 cni0 | 10.244.3.0/24 via 192.168.77.3 dev flannel.ipip | Node node-3',
  'wire | IP in IP, 192.168.77.1 → 192.168.77.3, +20 bytes',
]

test('from node to node over ipip', () => {
  assert.deepEqual(follow(threeNodes(overIpip()), 'web-1', 'web-5'), [
    ...INTO_IPIP,
    'node-3 cni0 | 10.244.3.2 is on veth-web-5 | Pod web-5',
    'reached',
  ])
})

test('over ipip: a far end that is not there, or is down', () => {
  const gone = follow(threeNodes(overIpip(() => undefined)), 'web-1', 'web-5')
  assert.deepEqual(gone, [
    ...INTO_IPIP,
    'node-3 | there is no tunnel with the end 192.168.77.3',
    'unreachable',
  ])
  const down = overIpip(tunnel => (tunnel.kind === 'link' ? { ...tunnel, up: false } : tunnel))
  assert.equal(
    follow(threeNodes(down), 'web-1', 'web-5').at(-2),
    'node-3 flannel.ipip | flannel.ipip is down | NetworkConfig default',
  )
})

test('from node to node over host-gw', () => {
  assert.deepEqual(follow(threeNodes(direct), 'web-1', 'web-5'), [
    'pod web-1 | default via 10.244.1.1 dev eth0 | Pod web-1',
    'node-1 cni0 | 10.244.3.0/24 via 192.168.77.3 dev eth0 | Node node-3',
    'wire | 10.244.1.2 → 10.244.3.2 as it is, next hop 192.168.77.3',
    'node-3 cni0 | 10.244.3.2 is on veth-web-5 | Pod web-5',
    'reached',
  ])
})

/** Whose entry is taken away (undefined) or changed, and how the trace ends. */
const faults: readonly [
  what: string,
  edit: (namespace: string, entry: Entry) => Entry | undefined,
  last: string,
][] = [
  [
    'no default route in the pod',
    (namespace, entry) => (namespace === 'web-1' && entry.kind === 'route' ? undefined : entry),
    'pod web-1 | there is no route to 10.244.3.2',
  ],
  [
    'no route to the peer',
    (_, entry) => (entry.kind === 'route' && entry.dst === '10.244.3.0/24' ? undefined : entry),
    'node-1 cni0 | there is no route to 10.244.3.2',
  ],
  [
    'no neighbour',
    (_, entry) => (entry.kind === 'neighbour' ? undefined : entry),
    'node-1 flannel.1 | the neighbour 10.244.3.0 is missing, so its MAC is not known',
  ],
  [
    'no FDB entry',
    (_, entry) => (entry.kind === 'fdb' ? undefined : entry),
    'node-1 flannel.1 | 10.244.3.0 is 02:00:00:00:00:03, but the FDB entry of 02:00:00:00:00:03 is missing, ' +
      'so its node is not known | Node node-3',
  ],
  [
    'an FDB entry that points nowhere',
    (_, entry) => (entry.kind === 'fdb' ? { ...entry, dst: '192.168.77.9' } : entry),
    'wire | no node has the address 192.168.77.9',
  ],
  [
    'a MAC that was rewritten behind our back',
    (namespace, entry) =>
      namespace === 'node-3' && entry.kind === 'link' && entry.type === 'vxlan'
        ? { ...entry, mac: '7a:00:00:00:00:01' }
        : entry,
    'node-3 flannel.1 | flannel.1 has the MAC 7a:00:00:00:00:01, not 02:00:00:00:00:03: it drops the frame | ' +
      'NetworkConfig default',
  ],
  [
    'another VNI at the far end',
    (namespace, entry) =>
      namespace === 'node-3' && entry.kind === 'link' && entry.type === 'vxlan'
        ? { ...entry, vni: 2 }
        : entry,
    'node-3 | there is no vxlan device with VNI 1 on port 8472',
  ],
  [
    'forwarding off',
    (namespace, entry) =>
      namespace === 'node-3' && entry.kind === 'sysctl' ? { ...entry, value: '0' } : entry,
    'node-3 flannel.1 | node-3 does not forward: net/ipv4/conf/all/forwarding is not 1',
  ],
  [
    'the pod is not on the bridge',
    (_, entry) => (entry.kind === 'link' && entry.name === 'veth-web-5' ? undefined : entry),
    'node-3 cni0 | no port of cni0 leads to 10.244.3.2: no pod has this address here',
  ],
  [
    "the pod's end of the bridge is down",
    (_, entry) => (entry.kind === 'link' && entry.name === 'veth-web-5' ? { ...entry, up: false } : entry),
    'node-3 cni0 | veth-web-5 is down | Pod web-5',
  ],
  [
    'the vxlan device is down',
    (namespace, entry) =>
      namespace === 'node-1' && entry.kind === 'link' && entry.type === 'vxlan'
        ? { ...entry, up: false }
        : entry,
    'node-1 flannel.1 | flannel.1 is down | NetworkConfig default',
  ],
  [
    'two nodes that send it back and forth',
    (namespace, entry) => {
      if (namespace !== 'node-3') return entry
      if (entry.kind === 'address' && entry.link === 'cni0') return undefined
      return entry.kind === 'route' && entry.dst === '10.244.1.0/24'
        ? { ...entry, dst: '10.244.0.0/16' }
        : entry
    },
    'node-1 flannel.1 | the packet has come by 16 routers: its way is a loop',
  ],
]

for (const [what, edit, last] of faults) {
  test(`lost: ${what}`, () => {
    const lines = follow(threeNodes(edit), 'web-1', 'web-5')
    assert.equal(lines.at(-1), 'unreachable')
    assert.equal(lines.at(-2), last)
  })
}

const isolate = (_: string, entry: Entry): Entry =>
  entry.kind === 'link' && entry.type === 'veth' ? { ...entry, bridgePort: { isolated: true } } : entry

test('isolated ports do not reach each other', () => {
  const lines = follow(threeNodes(isolate), 'web-1', 'web-2')
  assert.equal(
    lines.at(-2),
    'node-1 cni0 | veth-web-1 and veth-web-2 are isolated from each other | Pod web-2',
  )
})

const blackhole = (namespace: string, entry: Entry): Entry =>
  namespace === 'node-1' && entry.kind === 'route' && entry.dst === '10.244.2.0/24'
    ? { kind: 'route', dst: '10.244.3.2/32', table: 254, metric: 9, link: 'eth0', type: 'blackhole' }
    : entry

test('a blackhole ends it; the longer prefix wins', () => {
  const lines = follow(threeNodes(blackhole), 'web-1', 'web-5')
  assert.match(lines.at(-2) ?? '', /^node-1 cni0 \| blackhole 10\.244\.3\.2\/32 dev eth0 ends it/)
})

const onlyV6 = (namespace: string, entry: Entry): Entry | undefined =>
  namespace === 'web-5' && entry.kind === 'address' ? { ...entry, address: 'fd00::5/64' } : entry

test('pods that are not there, or have no address in common', () => {
  assert.deepEqual(follow(threeNodes(), 'web-1', 'web-9'), [
    'pod web-9 | there is no pod web-9',
    'unreachable',
  ])
  assert.deepEqual(follow(threeNodes(onlyV6), 'web-1', 'web-5'), [
    'pod web-5 | pod web-1 and pod web-5 do not both have addresses of one family',
    'unreachable',
  ])
})

test('whole worlds reach everywhere; with any one entry less there is an answer', () => {
  const pod = fc.integer({ min: 1, max: 6 }).map(n => `web-${n}`)
  const count = threeNodes().namespaces.flatMap(one => one.entries).length
  fc.assert(
    fc.property(pod, pod, fc.nat(count - 1), (from, to, missing) => {
      assert.equal(follow(threeNodes(), from, to).at(-1), 'reached')
      let n = 0
      const holed = threeNodes((_, entry) => (n++ === missing ? undefined : entry))
      const trace = tracePacket(holed, { fromPod: from, toPod: to })
      assert.ok(trace.verdict === 'reached' || trace.steps.length > 0)
    }),
    { numRuns: 100 },
  )
})
