import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { FakeHost } from './fake-host.ts'
import type { Call } from './host-worker.ts'
import { checkBuilt, OUR_PLUGINS, startOurNode } from './our-node.ts'

export const PEER_PLUGINS = '/usr/lib/cni'
const SYSTEM_PATH = '/usr/sbin:/usr/bin:/sbin:/bin'

/** One of the two things that are compared: a fake host with its plugin directory, and how to call a plugin. */
export interface CniSide {
  readonly label: 'ours' | 'peer'
  readonly host: FakeHost
  readonly plugins: string
}

/** A pod's namespace; `containerId` is new for each attachment. */
export interface Pod {
  readonly containerId: string
  readonly netns: string
}

/** The configuration both sides get: bridge with gateway, addresses by host-local. */
export function networkConfig(options: { readonly ipMasq: boolean }): string {
  const bridge = options.ipMasq ? 'cni1' : 'cni0'
  const subnet = options.ipMasq ? '10.89.0.0/16' : '10.88.0.0/16'
  return JSON.stringify({
    cniVersion: '1.0.0',
    name: options.ipMasq ? 'bench-masq' : 'bench',
    type: 'bridge',
    bridge,
    isGateway: true,
    hairpinMode: true,
    ipMasq: options.ipMasq,
    ipam: {
      type: 'host-local',
      ranges: [[{ subnet }]],
      routes: [{ dst: '0.0.0.0/0' }],
      dataDir: '/run/cni/networks',
    },
  })
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
    ['mkdir', '-p', '/run/cni/networks'],
    ['ip', 'link', 'add', 'uplink0', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', 'world'],
    ['ip', 'addr', 'add', `${WORLD.host}/24`, 'dev', 'uplink0'],
    ['ip', 'link', 'set', 'uplink0', 'up'],
    ['ip', '-n', 'world', 'addr', 'add', `${WORLD.beyond}/24`, 'dev', 'eth0'],
    ['ip', '-n', 'world', 'link', 'set', 'eth0', 'up'],
  ])
}

/** Debian's plugins in a fake host of their own. */
export async function createPeer(pods: number): Promise<CniSide> {
  for (const plugin of ['bridge', 'host-local']) {
    if (existsSync(join(PEER_PLUGINS, plugin))) continue
    throw new Error(`${PEER_PLUGINS}/${plugin} is missing: apt-get install containernetworking-plugins`)
  }
  const host = await FakeHost.create('peer')
  try {
    await prepareHost(host, pods)
  } catch (error) {
    await host[Symbol.asyncDispose]()
    throw error
  }
  return { label: 'peer', host, plugins: PEER_PLUGINS }
}

/** Our shim and our agent, as built by `npm run build`, in a fake host of their own. */
export async function createOurs(pods: number): Promise<CniSide> {
  checkBuilt()
  const host = await FakeHost.create('ours')
  try {
    await prepareHost(host, pods)
    await startOurNode(host, WORLD.host)
  } catch (error) {
    await host[Symbol.asyncDispose]()
    throw error
  }
  return { label: 'ours', host, plugins: OUR_PLUGINS }
}
