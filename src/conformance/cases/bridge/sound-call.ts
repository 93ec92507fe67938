import { bridge } from '../../configs.ts'
import { expectEqual, expectThat } from '../../expect.ts'
import { observeLinks } from '../../observe.ts'
import type { Pod } from '../../pod.ts'
import type { World } from '../../world.ts'

export async function soundCall(world: World) {
  const pod = await world.pod()
  const network = world.network()
  const config = { ...bridge(world), name: network.name, cniVersion: network.cniVersion }
  const env = { CNI_CONTAINERID: `${world.name}-0`, CNI_IFNAME: 'eth0', CNI_NETNS: pod.path }
  return { pod, env, config }
}

/** Nothing was made for a call that was refused: only `lo` inside, no bridge outside. */
export async function expectNothing(world: World, pod: Pod): Promise<void> {
  const inside = (await observeLinks(pod)).map(({ ifname }) => ifname)
  expectEqual('links in the container', inside, ['lo'])
  const outside = (await observeLinks(world.host.network)).map(({ ifname }) => ifname)
  expectThat('links of the host', !outside.includes(world.bridgeName), 'no bridge', outside.join(', '))
}
