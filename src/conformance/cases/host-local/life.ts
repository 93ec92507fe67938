import { join } from 'node:path'
import type { ConformanceCase, Needs } from '../../case.ts'
import { documentation, SPEC } from '../../configs.ts'
import { expectEqual, expectSuccess } from '../../expect.ts'
import { checksDeleted, checksWhole, deletesTwice, type LifeSubject } from '../life.ts'
import { leases, network } from './network.ts'

const NEEDS: Needs = { plugins: ['host-local'] }
const DOCS = documentation('host-local')

const LIFE: LifeSubject = {
  type: 'host-local',
  needs: NEEDS,
  attach: world => world.attach(network(world)),
}

/** DEL and CHECK. */
export const hostLocalLifeCases: readonly ConformanceCase[] = [
  {
    id: 'host-local.del.without-namespace',
    title: 'DEL without CNI_NETNS gives the address back',
    source: SPEC.del,
    needs: NEEDS,
    async run(world) {
      const attachment = await world.attach(network(world))
      const { containerId, ifname } = attachment.options
      const [plugin] = attachment.network.plugins
      const config = { ...plugin, name: attachment.network.name, cniVersion: world.version }
      const env = { CNI_CONTAINERID: containerId, CNI_IFNAME: ifname, CNI_NETNS: '' }
      expectSuccess(await world.call({ verb: 'DEL', type: 'host-local', config, env }))
      expectEqual('address files', leases(world), [])
    },
  },
  deletesTwice(LIFE),
  {
    id: 'host-local.del.nothing',
    title: 'DEL of what was never added succeeds, also in a data folder that is not there',
    source: SPEC.del,
    needs: NEEDS,
    async run(world) {
      const dataDir = join(world.dataDir, 'not', 'yet')
      const attachment = await world.attachment(network(world, { dataDir }))
      await attachment.mustDel()
    },
  },
  {
    id: 'host-local.del.other-container',
    title: 'DEL of one container leaves the address of one whose id begins with the same letters',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      const pod = await world.pod()
      const short = await world.attach(network(world), { pod, containerId: `${world.name}x` })
      await world.attach(network(world), { pod, containerId: `${world.name}x1` })
      await short.mustDel()
      expectEqual('address files', leases(world), ['10.22.0.3'])
    },
  },
  checksWhole(LIFE),
  checksDeleted(LIFE),
]
