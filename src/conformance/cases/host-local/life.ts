import { join } from 'node:path'
import type { ConformanceCase, Needs } from '../../case.ts'
import { documentation, SPEC } from '../../configs.ts'
import { expectEqual, expectError, expectSuccess } from '../../expect.ts'
import { leases, network } from './network.ts'

const NEEDS: Needs = { plugins: ['host-local'] }
const DOCS = documentation('host-local')

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
  {
    id: 'host-local.del.twice',
    title: 'DEL twice: both succeed',
    source: `${SPEC.del}: "idempotent"`,
    needs: NEEDS,
    async run(world) {
      const attachment = await world.attach(network(world))
      await attachment.mustDel()
      await attachment.mustDel()
    },
  },
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
  {
    id: 'host-local.check.whole',
    title: 'CHECK of a held address succeeds',
    source: SPEC.check,
    needs: NEEDS,
    async run(world) {
      const attachment = await world.attach(network(world))
      await attachment.mustCheck()
    },
  },
  {
    id: 'host-local.check.deleted',
    title: 'CHECK after DEL is an error',
    source: SPEC.check,
    needs: NEEDS,
    async run(world) {
      const attachment = await world.attach(network(world))
      await attachment.mustDel()
      expectError(await attachment.check())
    },
  },
]
