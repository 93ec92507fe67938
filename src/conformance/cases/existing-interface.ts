import type { Network } from '../attachment.ts'
import type { ConformanceCase, Needs } from '../case.ts'
import { SPEC } from '../configs.ts'
import { expectEqual, expectError } from '../expect.ts'
import { observeLink } from '../observe.ts'
import type { World } from '../world.ts'

/** Of a plugin that makes eth0. */
export function refusesExistingInterface(
  type: string,
  needs: Needs,
  network: (world: World) => Network,
): ConformanceCase {
  return {
    id: `${type}.add.interface-exists`,
    title: 'an interface of that name in the container is an error, and stays as it is',
    source: SPEC.add,
    needs,
    async run(world) {
      const pod = await world.pod()
      await pod.ip('link add eth0 type veth peer name other')
      const before = (await observeLink(pod, 'eth0'))?.address
      const attachment = await world.attachment(network(world), { pod })
      expectError(await attachment.add())
      expectEqual('MAC address of eth0', (await observeLink(pod, 'eth0'))?.address, before)
    },
  }
}
