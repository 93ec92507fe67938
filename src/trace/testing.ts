import type { Entry } from '../kernel/index.ts'
import type { TraceEntry, TraceNamespace, TraceWorld } from './world.ts'

/** A world of three nodes with two pods each over vxlan, as the tests start from; `edit` takes entries out or changes them. */
export function threeNodes(
  edit: (namespace: string, entry: Entry) => Entry | undefined = (_, entry) => entry,
): TraceWorld {
  const nodes = [1, 2, 3]
  const pods = nodes.flatMap(node => [
    { node, name: `web-${node * 2 - 1}`, host: 2 },
    { node, name: `web-${node * 2}`, host: 3 },
  ])
  const namespaces: TraceNamespace[] = [
    ...nodes.map(node => ({
      name: `node-${node}`,
      kind: 'node' as const,
      entries: nodeEntries(node, nodes, pods),
    })),
    ...pods.map(({ name, node, host }) => ({
      name,
      kind: 'pod' as const,
      entries: podEntries(name, node, host),
    })),
  ]
  return {
    namespaces: namespaces.map(one => ({
      ...one,
      entries: one.entries.flatMap(item => edited(one.name, item, edit)),
    })),
    veths: pods.map(({ name, node }) => ({
      a: { namespace: name, link: 'eth0' },
      b: { namespace: `node-${node}`, link: `veth-${name}` },
    })),
    underlay: nodes.map(node => ({ namespace: `node-${node}`, link: 'eth0', address: `192.168.77.${node}` })),
  }
}

function edited(
  namespace: string,
  item: TraceEntry,
  edit: (namespace: string, entry: Entry) => Entry | undefined,
): TraceEntry[] {
  const entry = edit(namespace, item.entry)
  return entry === undefined ? [] : [{ ...item, entry }]
}

interface TestPod {
  readonly node: number
  readonly name: string
}

function nodeEntries(self: number, nodes: readonly number[], pods: readonly TestPod[]): TraceEntry[] {
  const config = ['NetworkConfig default']
  const own = { kind: 'link', claim: 'own', owner: 'test', up: true } as const
  const entries: TraceEntry[] = [
    { entry: { kind: 'sysctl', path: 'ipv4/conf/all/forwarding', value: '1' }, because: config },
    { entry: { ...own, type: 'bridge', name: 'cni0' }, because: [] },
    { entry: { kind: 'address', link: 'cni0', address: `10.244.${self}.1/24` }, because: [] },
    { entry: vxlanLink(self), because: config },
    { entry: { kind: 'address', link: 'flannel.1', address: `10.244.${self}.0/32` }, because: config },
  ]
  for (const peer of nodes.filter(node => node !== self)) {
    entries.push(...peerEntries(peer).map(entry => ({ entry, because: [`Node node-${peer}`] })))
  }
  for (const { name } of pods.filter(pod => pod.node === self)) {
    const peer = { name: 'eth0', netns: 'pod' }
    const veth = { ...own, type: 'veth', name: `veth-${name}`, master: 'cni0', peer } as const
    entries.push({ entry: veth, because: [`Pod ${name}`] })
  }
  return entries
}

function vxlanLink(node: number): Entry {
  return {
    kind: 'link',
    type: 'vxlan',
    claim: 'own',
    owner: 'overlay',
    name: 'flannel.1',
    up: true,
    mac: `02:00:00:00:00:0${node}`,
    vni: 1,
    udpPort: 8472,
    local: `192.168.77.${node}`,
    device: 'eth0',
    learning: false,
    gbp: false,
  }
}

function peerEntries(peer: number): Entry[] {
  const mac = `02:00:00:00:00:0${peer}`
  const gateway = `10.244.${peer}.0`
  return [
    { kind: 'neighbour', link: 'flannel.1', address: gateway, mac },
    { kind: 'fdb', link: 'flannel.1', mac, dst: `192.168.77.${peer}` },
    {
      kind: 'route',
      dst: `10.244.${peer}.0/24`,
      table: 254,
      metric: 0,
      link: 'flannel.1',
      gateway,
      onlink: true,
    },
  ]
}

function podEntries(name: string, node: number, host: number): TraceEntry[] {
  const gateway = `10.244.${node}.1`
  const entries: Entry[] = [
    { kind: 'link', type: 'device', claim: 'use', owner: name, name: 'eth0', up: true },
    { kind: 'address', link: 'eth0', address: `10.244.${node}.${host}/24` },
    { kind: 'route', dst: '0.0.0.0/0', table: 254, metric: 0, link: 'eth0', gateway },
  ]
  return entries.map(entry => ({ entry, because: [`Pod ${name}`] }))
}
