import type { ConformanceCase, Needs } from '../../case.ts'
import { issue, range, SPEC } from '../../configs.ts'
import { expectEqual, expectError, expectSuccess, expectThat } from '../../expect.ts'
import { leases, network } from './network.ts'

const NEEDS: Needs = { plugins: ['host-local'], speaks: '1.1.0' }

const SMALL = { ranges: [range('10.22.0.0/30')] }

/** GC and STATUS. */
export const hostLocalUpkeepCases: readonly ConformanceCase[] = [
  {
    id: 'host-local.gc.stale',
    title: 'GC gives back the addresses of attachments that are not listed, and keeps the others',
    source: `${SPEC.gc}, ${issue('plugins', 1047)}`,
    needs: NEEDS,
    async run(world) {
      const pod = await world.pod()
      const stays = await world.attach(network(world), { pod })
      await world.attach(network(world), { pod })
      await world.collectGarbage(network(world), [stays])
      expectEqual('address files', leases(world), ['10.22.0.2'])
      await stays.mustCheck()
    },
  },
  {
    id: 'host-local.gc.interface',
    title: 'GC tells interfaces of one container apart',
    source: SPEC.gc,
    needs: NEEDS,
    async run(world) {
      const pod = await world.pod()
      const stays = await world.attach(network(world), { pod, containerId: world.name, ifname: 'eth1' })
      await world.attach(network(world), { pod, containerId: world.name })
      await world.collectGarbage(network(world), [stays])
      expectEqual('address files', leases(world), ['10.22.0.2'])
    },
  },
  {
    id: 'host-local.gc.other-network',
    title: 'GC of one network does not touch another one in the same data folder',
    source: SPEC.gc,
    needs: NEEDS,
    async run(world) {
      await world.attach(network(world))
      await world.collectGarbage({ ...network(world), name: `${world.name}other` }, [])
      expectEqual('address files', leases(world), ['10.22.0.2'])
    },
  },
  {
    id: 'host-local.status.healthy',
    title: 'STATUS succeeds while there are addresses',
    source: SPEC.status,
    needs: NEEDS,
    async run(world) {
      expectSuccess(await world.status(network(world)))
    },
  },
  {
    id: 'host-local.status.exhausted',
    title: 'STATUS is 50 or 51 while there is no address left, and succeeds again when one is given back',
    source: `${SPEC.status}, ${issue('plugins', 1013)}`,
    needs: NEEDS,
    async run(world) {
      const attachment = await world.attach(network(world, SMALL))
      expectError(await world.status(network(world, SMALL)), { codes: [50, 51] })
      await attachment.mustDel()
      const reply = await world.status(network(world, SMALL))
      expectThat('STATUS after DEL', reply.succeeded, 'success', reply.outcome)
    },
  },
]
