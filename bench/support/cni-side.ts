import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { FakeHost } from './fake-host.ts'
import { startOurCluster } from './our-cluster.ts'
import { LEASES, OUR_PLUGINS } from './our-program.ts'

const PEER_PLUGINS = '/usr/lib/cni'

/** One of the things that are compared: a fake host with its plugin directory, and how to call a plugin. */
export interface CniSide {
  readonly label: 'ours' | 'peer' | 'floor'
  readonly host: FakeHost
  readonly plugins: string
}

export interface OurSide extends CniSide {
  readonly agentPid: number
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
export async function createSide<More extends object>(
  side: Pick<CniSide, 'label' | 'plugins'>,
  pods: number,
  start: (host: FakeHost) => Promise<More>,
): Promise<CniSide & More> {
  const host = await FakeHost.create(side.label)
  try {
    await prepareHost(host, pods)
    return { ...side, host, ...(await start(host)) }
  } catch (error) {
    await host[Symbol.asyncDispose]()
    throw error
  }
}

/** Debian's plugins. */
export async function createPeer(pods: number): Promise<CniSide> {
  for (const plugin of ['bridge', 'host-local', 'portmap', 'bandwidth']) {
    if (existsSync(join(PEER_PLUGINS, plugin))) continue
    throw new Error(`${PEER_PLUGINS}/${plugin} is missing: apt-get install containernetworking-plugins`)
  }
  return createSide({ label: 'peer', plugins: PEER_PLUGINS }, pods, async () => ({}))
}

/** Our shim and our agent, in a cluster of one node. */
export async function createOurs(pods: number): Promise<OurSide> {
  return createSide({ label: 'ours', plugins: OUR_PLUGINS }, pods, async host => {
    const { agents } = await startOurCluster({
      nodes: [{ host, name: 'bench', address: WORLD.host }],
      api: '127.0.0.1:6443',
      network: { network: '10.244.0.0/16', subnetLength: 24, backend: { type: 'host-gw' } },
    })
    return { agentPid: agents[0] ?? 0 }
  })
}
