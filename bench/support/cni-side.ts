import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { FakeHost } from './fake-host.ts'
import type { Call } from './host-worker.ts'
import { startOurCluster } from './our-cluster.ts'
import { LEASES, OUR_PLUGINS } from './our-program.ts'

export const PEER_PLUGINS = '/usr/lib/cni'
const SYSTEM_PATH = '/usr/sbin:/usr/bin:/sbin:/bin'

/** One of the things that are compared: a fake host with its plugin directory, and how to call a plugin. */
export interface CniSide {
  readonly label: 'ours' | 'peer' | 'floor'
  readonly host: FakeHost
  readonly plugins: string
}

/** A pod's namespace; `containerId` is new for each attachment. */
export interface Pod {
  readonly containerId: string
  /** `/run/netns/` and its name. */
  readonly netns: string
}

/** A network that pods are attached to: what is configured, and what must come of it. */
export interface CniNetwork {
  readonly bridge: string
  readonly gateway: string
  readonly ipMasq: boolean
  /** Standard input of the plugin: bridge with gateway, addresses by host-local. */
  readonly config: string
}

export function cniNetwork(options: { readonly ipMasq: boolean }): CniNetwork {
  const { ipMasq } = options
  const [bridge, base] = ipMasq ? ['cni1', '10.89'] : ['cni0', '10.88']
  const config = JSON.stringify({
    cniVersion: '1.0.0',
    name: ipMasq ? 'bench-masq' : 'bench',
    type: 'bridge',
    bridge,
    isGateway: true,
    hairpinMode: true,
    ipMasq,
    ipam: {
      type: 'host-local',
      ranges: [[{ subnet: `${base}.0.0/16` }]],
      routes: [{ dst: '0.0.0.0/0' }],
      dataDir: LEASES,
    },
  })
  return { bridge, gateway: `${base}.0.1`, ipMasq, config }
}

export function cniCall(side: CniSide, command: 'ADD' | 'DEL', pod: Pod, config: string): Call {
  return {
    argv: [join(side.plugins, 'bridge')],
    env: {
      PATH: SYSTEM_PATH,
      CNI_COMMAND: command,
      CNI_CONTAINERID: pod.containerId,
      CNI_NETNS: pod.netns,
      CNI_IFNAME: 'eth0',
      CNI_PATH: side.plugins,
    },
    stdin: config,
  }
}

/** The uplink of a fake host: beyond it is a world that has no route to any pod. */
export const WORLD = { host: '203.0.113.1', beyond: '203.0.113.2' } as const

async function prepareHost(host: FakeHost, pods: number): Promise<void> {
  const netns = Array.from({ length: pods }, (_, index) => `netns add pod-${index}\n`).join('')
  await host.commands([['ip', '-batch', '-']], `${netns}netns add world\n`)
  await host.commands([
    ['mkdir', '-p', LEASES],
    ['ip', 'link', 'add', 'uplink0', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', 'world'],
    ['ip', 'addr', 'add', `${WORLD.host}/24`, 'dev', 'uplink0'],
    ['ip', 'link', 'set', 'uplink0', 'up'],
    ['ip', '-n', 'world', 'addr', 'add', `${WORLD.beyond}/24`, 'dev', 'eth0'],
    ['ip', '-n', 'world', 'link', 'set', 'eth0', 'up'],
  ])
}

/** A fake host with `pods` namespaces; what `start` puts into it is taken down with it if that fails. */
export async function createSide(
  label: CniSide['label'],
  plugins: string,
  pods: number,
  start: (host: FakeHost) => Promise<unknown>,
): Promise<CniSide> {
  const host = await FakeHost.create(label)
  try {
    await prepareHost(host, pods)
    await start(host)
  } catch (error) {
    await host[Symbol.asyncDispose]()
    throw error
  }
  return { label, host, plugins }
}

/** Debian's plugins. */
export async function createPeer(pods: number): Promise<CniSide> {
  for (const plugin of ['bridge', 'host-local']) {
    if (existsSync(join(PEER_PLUGINS, plugin))) continue
    throw new Error(`${PEER_PLUGINS}/${plugin} is missing: apt-get install containernetworking-plugins`)
  }
  return createSide('peer', PEER_PLUGINS, pods, async () => undefined)
}

/** Our shim and our agent, in a cluster of one node. */
export function createOurs(pods: number): Promise<CniSide> {
  return createSide('ours', OUR_PLUGINS, pods, host =>
    startOurCluster({
      nodes: [{ host, name: 'bench', address: WORLD.host }],
      api: '127.0.0.1:6443',
      network: { network: '10.244.0.0/16', subnetLength: 24, backend: { type: 'host-gw' } },
    }),
  )
}
