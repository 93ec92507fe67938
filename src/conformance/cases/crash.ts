import type { Attachment, Network } from '../attachment.ts'
import type { ConformanceCase, Needs } from '../case.ts'
import { bridge, hostLocal, ptp, SPEC } from '../configs.ts'
import { expectEqual, expectSuccess } from '../expect.ts'
import { addressesOf, observeLink } from '../observe.ts'
import type { World } from '../world.ts'
import { addressNetwork } from './host-local/network.ts'
import { expectNoLink } from './links.ts'

/** At which parts of its usual time the plugin is killed. */
const MOMENTS = [0.1, 0.25, 0.4, 0.55, 0.7, 0.8, 0.9, 1] as const

/** How long ADD and DEL take here and now, in milliseconds. */
async function usualTimes(
  world: World,
  network: Network,
): Promise<{ readonly addMs: number; readonly delMs: number }> {
  const attachment = await world.attachment(network)
  const added = await attachment.add()
  expectSuccess(added)
  const deleted = await attachment.del()
  expectSuccess(deleted)
  return { addMs: added.elapsedMs, delMs: deleted.elapsedMs }
}

async function forEachMoment(
  world: World,
  network: Network,
  usualMs: number,
  round: (attachment: Attachment, killAfterMs: number) => Promise<void>,
): Promise<void> {
  for (const part of MOMENTS) await round(await world.attachment(network), Math.max(1, usualMs * part))
}

interface Subject {
  readonly id: string
  readonly needs: Needs
  readonly network: (world: World) => Network
  /** No interface is made: there is nothing to look at in the container. */
  readonly addressesOnly?: boolean
}

const SUBJECTS: readonly Subject[] = [
  {
    id: 'bridge.crash',
    needs: { plugins: ['bridge', 'host-local'], kernel: ['bridge', 'veth'] },
    network: world => world.network(bridge(world)),
  },
  {
    id: 'bridge.crash-masquerading',
    needs: { plugins: ['bridge', 'host-local'], kernel: ['bridge', 'veth', 'nat'] },
    network: world => world.network(bridge(world, { ipMasq: true })),
  },
  {
    id: 'ptp.crash',
    needs: { plugins: ['ptp', 'host-local'], kernel: ['veth'] },
    network: world => world.network(ptp(world)),
  },
  {
    id: 'host-local.crash',
    needs: { plugins: ['host-local'] },
    network: world => addressNetwork(world, hostLocal(world)),
    addressesOnly: true,
  },
]

export const crashCases: readonly ConformanceCase[] = SUBJECTS.flatMap(
  ({ id, needs, network, addressesOnly = false }) => [
    {
      id: `${id}.add`,
      title: `ADD is killed at ${MOMENTS.length} moments: DEL then succeeds and nothing stays`,
      source: `${SPEC.del}; this suite: crash points`,
      needs,
      async run(world: World) {
        const { addMs } = await usualTimes(world, network(world))
        await forEachMoment(world, network(world), addMs, async (attachment, killAfterMs) => {
          await attachment.add(killAfterMs)
          // A runtime that lost its plugin has no result to pass on.
          attachment.forgetResult()
          await attachment.mustDel()
          if (!addressesOnly) await expectNoLink('eth0 after DEL', attachment.pod, 'eth0')
        })
      },
    },
    {
      id: `${id}.again`,
      title: 'ADD is killed; after DEL the same container can be added',
      source: `${SPEC.del}; this suite: crash points`,
      needs,
      async run(world: World) {
        const { addMs } = await usualTimes(world, network(world))
        await forEachMoment(world, network(world), addMs, async (attachment, killAfterMs) => {
          await attachment.add(killAfterMs)
          attachment.forgetResult()
          await attachment.mustDel()
          const { ips } = await attachment.mustAdd()
          if (!addressesOnly)
            expectEqual('addresses of eth0', addressesOf(await observeLink(attachment.pod, 'eth0')), [
              ips[0]?.address,
            ])
          await attachment.mustDel()
        })
      },
    },
    {
      id: `${id}.del`,
      title: `DEL is killed at ${MOMENTS.length} moments: the next DEL succeeds and nothing stays`,
      source: `${SPEC.del}: "idempotent"; this suite: crash points`,
      needs,
      async run(world: World) {
        const { delMs } = await usualTimes(world, network(world))
        await forEachMoment(world, network(world), delMs, async (attachment, killAfterMs) => {
          await attachment.mustAdd()
          await attachment.del(killAfterMs)
          await attachment.mustDel()
        })
      },
    },
  ],
)
