/** Many peers of one node: as entries, as commands for `ip` and `bridge`, as Node objects. All of one formula. */
import type { Entry } from '../../src/kernel/index.ts'
import type { Request } from './request.ts'

/** The overlay's device and its uplink, and where they are. */
export const OVERLAY = {
  link: 'flannel.1',
  uplink: 'uplink0',
  address: '192.0.2.1',
  network: '10.0.0.0/8',
} as const

interface Peer {
  readonly name: string
  /** The peer's block of pod addresses; its base address is the gateway. */
  readonly network: string
  readonly gateway: string
  readonly mac: string
  readonly underlay: string
}

/** @param n from 0; 60,000 are different */
function peer(n: number): Peer {
  const [high, low] = [(n >> 8) + 1, n & 255]
  return {
    name: `peer-${n}`,
    network: `10.${high}.${low}.0/24`,
    gateway: `10.${high}.${low}.0`,
    mac: `02:00:00:00:${hex(high)}:${hex(low)}`,
    underlay: `172.16.${high}.${low}`,
  }
}

export interface PeerEntries {
  readonly route: Extract<Entry, { kind: 'route' }>
  readonly neighbour: Extract<Entry, { kind: 'neighbour' }>
  readonly fdb: Extract<Entry, { kind: 'fdb' }>
}

export function peerEntries(n: number): PeerEntries {
  const { network, gateway, mac, underlay } = peer(n)
  const { link } = OVERLAY
  return {
    route: { kind: 'route', dst: network, table: 254, metric: 0, link, gateway, onlink: true },
    neighbour: { kind: 'neighbour', link, address: gateway, mac },
    fdb: { kind: 'fdb', link, mac, dst: underlay },
  }
}

export function allEntries(count: number): Entry[] {
  const { link, uplink, address } = OVERLAY
  const common = { kind: 'link', claim: 'own', owner: 'bench', up: true } as const
  return [
    { ...common, type: 'bridge', name: uplink },
    {
      ...common,
      type: 'vxlan',
      name: link,
      vni: 1,
      udpPort: 8472,
      local: address,
      device: uplink,
      learning: false,
      gbp: false,
    },
    { kind: 'address', link, address: '10.0.0.1/32' },
    ...Array.from({ length: count }, (_, n) => Object.values<Entry>({ ...peerEntries(n) })).flat(),
  ]
}

/** The same for `ip -batch` and `bridge -batch`. */
export function batches(count: number): { readonly ip: string; readonly bridge: string } {
  const { link, uplink, address } = OVERLAY
  const ip = [
    `link add ${uplink} type bridge`,
    `link set ${uplink} up`,
    `link add ${link} type vxlan id 1 local ${address} dev ${uplink} dstport 8472 nolearning`,
    `link set ${link} up`,
    `address add 10.0.0.1/32 dev ${link}`,
  ]
  const bridge: string[] = []
  for (let n = 0; n < count; n += 1) {
    const { network, gateway, mac, underlay } = peer(n)
    ip.push(`route add ${network} via ${gateway} dev ${link} onlink proto 113`)
    ip.push(`neigh add ${gateway} lladdr ${mac} dev ${link} nud permanent protocol 113`)
    bridge.push(`fdb add ${mac} dev ${link} dst ${underlay}`)
  }
  return { ip: ip.join('\n'), bridge: bridge.join('\n') }
}

const ANNOTATION = 'flannel.alpha.coreos.com'

/** The Node object of a peer, with the block it has and the annotations its agent would write. */
export function peerNode(n: number): Request {
  const { name, network, underlay, mac } = peer(n)
  const annotations = {
    [`${ANNOTATION}/kube-subnet-manager`]: 'true',
    [`${ANNOTATION}/backend-type`]: 'vxlan',
    [`${ANNOTATION}/public-ip`]: underlay,
    [`${ANNOTATION}/backend-data`]: vtepData(mac),
  }
  const spec = { podCIDR: network, podCIDRs: [network] }
  const body = { apiVersion: 'v1', kind: 'Node', metadata: { name, annotations }, spec }
  return { method: 'POST', path: '/api/v1/nodes', body }
}

/** The peer made its device anew: another MAC. Two entries change, one of them is another. */
export function changedNode(n: number, mac: string): Request {
  const body = { metadata: { annotations: { [`${ANNOTATION}/backend-data`]: vtepData(mac) } } }
  return { method: 'PATCH', path: `/api/v1/nodes/${peer(n).name}`, body }
}

const vtepData = (mac: string) => JSON.stringify({ VNI: 1, VtepMAC: mac })

/** Two digits: a byte of a MAC. */
export const hex = (value: number) => value.toString(16).padStart(2, '0')
