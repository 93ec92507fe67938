import { type Announced, addressOf, nodeName } from './names.ts'

/** The Node that kubelet 1.31 registers, without what it measures of the machine. */
export function kubeletsNode(n: number): object {
  const name = nodeName(n)
  const now = '2026-01-01T00:00:00Z'
  const condition = (type: string, status: string, reason: string) => ({
    type,
    status,
    reason,
    message: `kubelet has ${reason}`,
    lastHeartbeatTime: now,
    lastTransitionTime: now,
  })
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name,
      labels: { 'kubernetes.io/arch': 'amd64', 'kubernetes.io/hostname': name, 'kubernetes.io/os': 'linux' },
      annotations: {
        'node.alpha.kubernetes.io/ttl': '0',
        'volumes.kubernetes.io/controller-managed-attach-detach': 'true',
      },
    },
    spec: { taints: [{ key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' }] },
    status: {
      addresses: [
        { type: 'InternalIP', address: addressOf(n) },
        { type: 'Hostname', address: name },
      ],
      conditions: [
        condition('MemoryPressure', 'False', 'KubeletHasSufficientMemory'),
        condition('Ready', 'False', 'KubeletNotReady'),
      ],
      capacity: { cpu: '4', memory: '8039936Ki', pods: '110' },
      daemonEndpoints: { kubeletEndpoint: { Port: 10_250 } },
      nodeInfo: { kubeletVersion: 'v1.31.0', operatingSystem: 'linux', architecture: 'amd64' },
    },
  }
}

/** What kube-controller-manager's node IPAM writes into it. */
export function podCidrPatch(blocks: readonly string[]): object {
  return { spec: { podCIDR: blocks[0], podCIDRs: blocks } }
}

/** The annotations that flannel's kube subnet manager writes, by their whole names and with its bytes. */
export function flannelAnnotations({ address, mac, six }: Announced): Readonly<Record<string, string>> {
  const second = six && {
    'flannel.alpha.coreos.com/backend-v6-data': `{"VNI":1,"VtepMAC":"${six.mac}"}`,
    'flannel.alpha.coreos.com/public-ipv6': six.address,
  }
  return {
    ...second,
    'flannel.alpha.coreos.com/backend-data': `{"VNI":1,"VtepMAC":"${mac}"}`,
    'flannel.alpha.coreos.com/backend-type': 'vxlan',
    'flannel.alpha.coreos.com/kube-subnet-manager': 'true',
    'flannel.alpha.coreos.com/public-ip': address,
  }
}

/** What makes such annotations useless, each in another way. */
export const BAD_ANNOTATIONS: readonly Readonly<Record<string, string>>[] = [
  { 'flannel.alpha.coreos.com/backend-data': '{"VNI":' },
  { 'flannel.alpha.coreos.com/backend-data': '{"VNI":1,"VtepMAC":"01:00:5e:00:00:01"}' },
  { 'flannel.alpha.coreos.com/backend-data': ' '.repeat(2_000) },
  { 'flannel.alpha.coreos.com/public-ip': 'x; reboot' },
  { 'flannel.alpha.coreos.com/public-ip': '127.0.0.1' },
  { 'flannel.alpha.coreos.com/backend-type': 'no such thing' },
]
