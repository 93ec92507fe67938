import { formatEntry } from '../kernel/index.ts'
import type { NetworkConfig, Node } from '../model/index.ts'
import type { OverlayPeer, OverlaySelf } from './node.ts'
import type { OverlayPlan } from './plan.ts'

/** Values the tests of this room start from: three nodes on one link, vxlan, both families where asked. */

const metadata = {
  name: 'default',
  uid: 'u',
  resourceVersion: '1',
  creationTimestamp: '2026-01-01T00:00:00Z',
}

export function networkConfig(spec: Partial<NetworkConfig['spec']> = {}): NetworkConfig {
  const base = { network: '10.244.0.0/16', backend: { type: 'vxlan' } } as const
  return { apiVersion: 'podlace.dev/v1alpha1', kind: 'NetworkConfig', metadata, spec: { ...base, ...spec } }
}

export const dualStack = { network: '10.244.0.0/16', ipv6Network: 'fd00:10::/48' } as const

export const self: OverlaySelf = {
  nodeName: 'node-1',
  podCidrs: ['10.244.1.0/24'],
  uplink: {
    device: 'eth0',
    mtu: 1500,
    addresses: ['192.168.77.1/24', 'fd77::1/64'],
    publicAddress: '192.168.77.1',
    publicAddress6: 'fd77::1',
  },
  vtepMac: '02:00:00:00:00:01',
  vtepMac6: '02:00:00:00:06:01',
}

export const peer: OverlayPeer = {
  nodeName: 'node-3',
  createdAt: '2026-01-03T00:00:00Z',
  backendType: 'vxlan',
  ipv4: {
    podCidr: '10.244.3.0/24',
    publicAddress: '192.168.77.3',
    data: { type: 'vxlan', vni: 1, identity: '02:00:00:00:00:03' },
  },
}

export const dualPeer: OverlayPeer = {
  ...peer,
  ipv6: {
    podCidr: 'fd00:10:0:3::/64',
    publicAddress: 'fd77::3',
    data: { type: 'vxlan', vni: 1, identity: '02:00:00:00:06:03' },
  },
}

/** `node-3` with backend udp, at a port that it tells. */
export function udpPeer(port: number): OverlayPeer {
  const ipv4 = {
    podCidr: '10.244.3.0/24',
    publicAddress: '192.168.77.3',
    data: { type: 'udp', port },
  } as const
  return { ...plainPeer('udp'), ipv4 }
}

/** `node-3` with a backend that publishes nothing but its address. */
export function plainPeer(backendType: string, publicAddress = '192.168.77.3'): OverlayPeer {
  const { nodeName, createdAt } = peer
  return { nodeName, createdAt, backendType, ipv4: { podCidr: '10.244.3.0/24', publicAddress } }
}

/** The entries of a plan as commands, but for tables. */
export function commands(plan: OverlayPlan): string[] {
  return plan.entries.map(({ value }) => formatEntry(value)).filter(line => !line.startsWith('table'))
}

/** Annotations without flannel's prefix, and without what is to be removed. */
export function readBack(annotations: ReadonlyMap<string, string | null>): Record<string, string> {
  const pairs = [...annotations].flatMap(([name, text]) =>
    text === null ? [] : [[name.slice(name.indexOf('/') + 1), text]],
  )
  return Object.fromEntries(pairs)
}

/** A Node whose annotations (without flannel's prefix) are given. */
export function node(
  annotations: Record<string, string>,
  podCIDRs: readonly string[] = ['10.244.3.0/24'],
): Node {
  const prefixed = Object.entries(annotations).map(([name, text]) => [
    `flannel.alpha.coreos.com/${name}`,
    text,
  ])
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      ...metadata,
      name: 'node-3',
      creationTimestamp: peer.createdAt,
      annotations: Object.fromEntries(prefixed),
    },
    spec: { podCIDRs },
    status: {},
  }
}
