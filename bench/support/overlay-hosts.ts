/** Pairs of nodes on one underlay: a bridge in a namespace of its own, to which every node is plugged by a veth. */
import { FakeHost } from './fake-host.ts'
import { type OurNode, ourAgentReady, startOurCluster } from './our-cluster.ts'
import { OUR_PLUGINS } from './our-program.ts'

export type Backend = 'vxlan' | 'host-gw' | 'ipip' | 'wireguard'

/** One end: a fake host that is a node, with a pod on it. */
export interface OverlayNode {
  readonly host: FakeHost
  /** On the underlay. */
  readonly address: string
  readonly podAddress: string
}

export type NodePair = readonly [OverlayNode, OverlayNode]

export const POD = 'pod-0'
const NETWORK = '10.244.0.0/16'

/** How to run a program in a node's pod. */
export function inPod(command: readonly string[]): string[] {
  return ['nsenter', `--net=/run/netns/${POD}`, ...command]
}

export async function makeUnderlay(stack: AsyncDisposableStack): Promise<FakeHost> {
  const underlay = stack.use(await FakeHost.create('underlay'))
  await underlay.commands([
    ['ip', 'link', 'add', 'wire', 'type', 'bridge', 'stp_state', '0', 'mcast_snooping', '0'],
    ['ip', 'link', 'set', 'wire', 'up'],
  ])
  return underlay
}

/** A fake host at `192.168.77.<number>` of the underlay, with the namespace of a pod. */
export async function plugIn(stack: AsyncDisposableStack, underlay: FakeHost, number: number) {
  const host = stack.use(await FakeHost.create(`node ${number}`))
  const address = `192.168.77.${number}`
  const port = `port${number}`
  await underlay.commands([
    ['ip', 'link', 'add', port, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', String(host.pid)],
    ['ip', 'link', 'set', port, 'master', 'wire'],
    ['ip', 'link', 'set', port, 'up'],
  ])
  await host.commands([
    ['ip', 'addr', 'add', `${address}/24`, 'dev', 'eth0'],
    ['ip', 'link', 'set', 'eth0', 'up'],
    ['ip', 'netns', 'add', POD],
  ])
  return { host, address }
}

/** Two nodes of our cluster, agents running, and a pod on each by CNI. */
export async function makeOurs(
  stack: AsyncDisposableStack,
  underlay: FakeHost,
  backend: Backend,
): Promise<NodePair> {
  const first = { ...(await plugIn(stack, underlay, 1)), name: 'node-1' }
  const second = { ...(await plugIn(stack, underlay, 2)), name: 'node-2' }
  const spec = backend === 'vxlan' ? { type: backend, vni: 1, port: 8472 } : { type: backend }
  await startOurCluster({
    nodes: [first, second],
    api: `${first.address}:6443`,
    network: { network: NETWORK, subnetLength: 24, backend: spec, masquerade: true },
  })
  return [await withPod(first), await withPod(second)]
}

async function withPod(node: OurNode): Promise<OverlayNode> {
  await ourAgentReady(node)
  const { results } = await node.host.calls(
    [
      {
        argv: [`${OUR_PLUGINS}/podlace`],
        env: {
          CNI_COMMAND: 'ADD',
          CNI_CONTAINERID: 'bench',
          CNI_NETNS: `/run/netns/${POD}`,
          CNI_IFNAME: 'eth0',
          CNI_PATH: OUR_PLUGINS,
        },
        stdin: JSON.stringify({ cniVersion: '1.0.0', name: 'podlace', type: 'podlace' }),
      },
    ],
    1,
  )
  const answer = results[0]?.stdout ?? ''
  const podAddress = /"address":"([\d.]+)\//.exec(answer)?.[1]
  if (podAddress === undefined) throw new Error(`ADD on ${node.name} answered ${answer}`)
  return { host: node.host, address: node.address, podAddress }
}
