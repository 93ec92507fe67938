import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Entry } from '../kernel/index.ts'
import { threeNodes } from './testing.ts'
import { tracePacket } from './trace.ts'
import type { TraceWorld } from './world.ts'

const LINK = 'flannel-wg'
const tunnel = { kind: 'wireguard', link: LINK, publicKey: 'key-1', listenPort: 51_820 } as const

/** The world of vxlan, its tunnels made WireGuard's. */
function wireguardNodes(
  edit: (namespace: string, entry: Entry) => Entry | undefined = (_, entry) => entry,
): TraceWorld {
  const world = threeNodes((_, entry) => {
    if (entry.kind === 'link' && entry.type === 'vxlan') {
      return { kind: 'link', type: 'wireguard', name: LINK, claim: 'own', owner: 'overlay', up: true }
    }
    if (entry.kind === 'neighbour' || (entry.kind === 'route' && entry.link === 'flannel.1')) return undefined
    if (entry.kind === 'address' && entry.link === 'flannel.1') return { ...entry, link: LINK }
    if (entry.kind !== 'fdb') return entry
    const n = entry.dst.split('.')[3]
    return {
      kind: 'wireguard-peer',
      link: LINK,
      publicKey: `key-${n}`,
      endpoint: { address: entry.dst, port: 51_820 },
      allowedIps: [`10.244.${n}.0/24`],
    }
  })
  const namespaces = world.namespaces.map(one => {
    const route: Entry = { kind: 'route', dst: '10.244.0.0/16', table: 254, metric: 0, link: LINK }
    const own: Entry[] = [{ ...tunnel, publicKey: `key-${one.name.split('-')[1]}` }, route]
    const more = one.kind === 'node' ? own.map(entry => ({ entry, because: ['NetworkConfig default'] })) : []
    const entries = [...one.entries, ...more].flatMap(item => {
      const entry = edit(one.name, item.entry)
      return entry === undefined ? [] : [{ ...item, entry }]
    })
    return { ...one, entries }
  })
  return { ...world, namespaces }
}

function follow(world: TraceWorld): string[] {
  const { steps, verdict } = tracePacket(world, { fromPod: 'web-1', toPod: 'web-5' })
  return [...steps.map(({ where, what, because }) => [where, what, ...because].join(' | ')), verdict]
}

test('from node to node through the tunnel', () => {
  assert.deepEqual(follow(wireguardNodes()), [
    'pod web-1 | default via 10.244.1.1 dev eth0 | Pod web-1',
    'node-1 cni0 | 10.244.0.0/16 dev flannel-wg | NetworkConfig default',
    'node-1 flannel-wg | 10.244.3.2 is behind peer key-3 at 192.168.77.3 | Node node-3',
    'wire | encrypted, to 192.168.77.3 udp 51820',
    'node-3 cni0 | 10.244.3.2 is on veth-web-5 | Pod web-5',
    'reached',
  ])
})

const at =
  (node: string, kind: Entry['kind'], change: (entry: Entry) => Entry | undefined) =>
  (namespace: string, entry: Entry) =>
    namespace === node && entry.kind === kind ? change(entry) : entry
const ofPeer = (node: string, key: string, change: object | undefined) =>
  at(node, 'wireguard-peer', entry =>
    entry.kind !== 'wireguard-peer' || entry.publicKey !== key ? entry : change && { ...entry, ...change },
  )
const ofDevice = (node: string, change: object | undefined) =>
  at(node, 'wireguard', entry => change && (entry.kind === 'wireguard' ? { ...entry, ...change } : entry))

const faults: readonly [edit: (namespace: string, entry: Entry) => Entry | undefined, last: string][] = [
  [ofDevice('node-1', undefined), 'node-1 flannel-wg | flannel-wg has no key, so it sends nothing'],
  [
    ofPeer('node-1', 'key-3', undefined),
    'node-1 flannel-wg | no peer of flannel-wg has 10.244.3.2: it is dropped, not sent in the clear',
  ],
  [
    ofPeer('node-1', 'key-3', { endpoint: undefined }),
    'node-1 flannel-wg | where the peer key-3 is, is not known | Node node-3',
  ],
  [
    ofPeer('node-1', 'key-3', { endpoint: { address: '192.168.77.9', port: 1 } }),
    'wire | no node has the address 192.168.77.9',
  ],
  [ofDevice('node-3', { listenPort: 7 }), 'node-3 | nobody listens at UDP port 51820'],
  [
    ofDevice('node-3', { publicKey: 'new' }),
    'node-3 flannel-wg | flannel-wg has the key new, not key-3 | NetworkConfig default',
  ],
  [ofPeer('node-3', 'key-1', undefined), 'node-3 flannel-wg | flannel-wg has no peer of the key key-1'],
  [
    ofPeer('node-3', 'key-1', { presharedKey: 'x' }),
    'node-3 flannel-wg | the two ends have different preshared keys | Node node-1',
  ],
  [
    ofPeer('node-3', 'key-1', { allowedIps: ['10.244.1.128/25'] }),
    'node-3 flannel-wg | the peer key-1 may not send from 10.244.1.2 | Node node-1',
  ],
  [
    at('node-3', 'link', entry =>
      entry.kind === 'link' && entry.name === LINK ? { ...entry, up: false } : entry,
    ),
    'node-3 flannel-wg | flannel-wg is down | NetworkConfig default',
  ],
]

for (const [edit, last] of faults) {
  test(`lost: ${last}`, () => {
    assert.deepEqual(follow(wireguardNodes(edit)).slice(-2), [last, 'unreachable'])
  })
}
