import type { KindMap } from '../../../src/model/index.ts'

/** An object of each kind, as an API server has it. */

export const metadata = {
  name: 'x',
  uid: '8f0d3a1e-0000-4000-8000-000000000001',
  resourceVersion: '7',
  creationTimestamp: '2026-01-01T00:00:00Z',
}

const flannel = (name: string) => `flannel.alpha.coreos.com/${name}`

export const node: KindMap['Node'] = {
  apiVersion: 'v1',
  kind: 'Node',
  metadata: {
    ...metadata,
    name: 'node-3',
    labels: { 'kubernetes.io/hostname': 'node-3' },
    annotations: {
      [flannel('kube-subnet-manager')]: 'true',
      [flannel('backend-type')]: 'vxlan',
      [flannel('backend-data')]: '{"VNI":1,"VtepMAC":"02:00:00:00:00:03"}',
      [flannel('backend-v6-data')]: '{"VNI":1,"VtepMAC":"02:00:00:00:06:03"}',
      [flannel('public-ip')]: '192.168.77.3',
      [flannel('public-ipv6')]: 'fd77::3',
      [flannel('public-ip-overwrite')]: '203.0.113.3',
      [flannel('public-ipv6-overwrite')]: '2001:db8::3',
    },
  },
  spec: { podCIDR: '10.244.3.0/24', podCIDRs: ['10.244.3.0/24', 'fd00:10:0:3::/64'] },
  status: {
    addresses: [{ type: 'InternalIP', address: '192.168.77.3' }],
    conditions: [{ type: 'NetworkUnavailable', status: 'False', reason: 'r', message: 'm' }],
  },
}

export const objects: readonly KindMap[keyof KindMap][] = [
  node,
  {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...metadata, namespace: 'default', finalizers: ['a/b'] },
    spec: { nodeName: 'node-3', hostNetwork: false },
    status: { phase: 'Running', podIP: '10.244.3.2', podIPs: [{ ip: '10.244.3.2' }] },
  },
  {
    apiVersion: 'podlace.dev/v1alpha1',
    kind: 'NetworkConfig',
    metadata: { ...metadata, name: 'default', generation: 1 },
    spec: {
      network: '10.244.0.0/16',
      ipv6Network: 'fd00:10::/48',
      subnetLength: 24,
      ipv6SubnetLength: 64,
      backend: {
        type: 'vxlan',
        vni: 1,
        port: 8472,
        mtu: 1450,
        directRouting: true,
        learning: false,
        gbp: false,
      },
      masquerade: true,
    },
  },
  {
    apiVersion: 'podlace.dev/v1alpha1',
    kind: 'PodBlock',
    metadata: { ...metadata, name: '10.244.3.0-24' },
    spec: { cidr: '10.244.3.0/24', nodeName: 'node-3', nodeUID: 'u', releasedAt: '2026-01-01T00:00:00Z' },
    status: { attachments: 3 },
  },
]
