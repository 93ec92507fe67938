import type { ConformanceCase, Needs } from '../../case.ts'
import { bridge, SPEC } from '../../configs.ts'
import { expectEqual } from '../../expect.ts'
import { OUTSIDE, UPLINK } from '../../fake-host.ts'
import { deletesTwice, deletesWithoutNamespace, deletesWithoutResult, type LifeSubject } from '../life.ts'
import { expectNoLink } from '../links.ts'
import { masquerading, ports } from './network.ts'

const NEEDS: Needs = { plugins: ['bridge', 'host-local'], kernel: ['bridge', 'veth'] }
const NAT: Needs = { ...NEEDS, kernel: ['bridge', 'veth', 'nat'] }

const LIFE: LifeSubject = {
  type: 'bridge',
  needs: NEEDS,
  attach: world => world.attach(world.network(bridge(world))),
}

/** What DEL takes away, whatever happened before. */
export const bridgeDelCases: readonly ConformanceCase[] = [
  {
    id: 'bridge.del.all',
    title: 'DEL takes interface, port and address away',
    source: SPEC.del,
    needs: NEEDS,
    async run(world) {
      const attachment = await world.attach(world.network(bridge(world)))
      await attachment.mustDel()
      await expectNoLink('eth0 in the container', attachment.pod, 'eth0')
      expectEqual('ports of the bridge', await ports(world), [])
    },
  },
  deletesTwice(LIFE),
  {
    id: 'bridge.del.nothing',
    title: 'DEL of what was never added succeeds',
    source: SPEC.del,
    needs: NEEDS,
    async run(world) {
      const attachment = await world.attachment(world.network(bridge(world)))
      await attachment.mustDel()
    },
  },
  deletesWithoutNamespace(LIFE),
  {
    id: 'bridge.del.no-interface',
    title: 'DEL succeeds if somebody deleted the interface before',
    source: SPEC.del,
    needs: NEEDS,
    async run(world) {
      const attachment = await world.attach(world.network(bridge(world)))
      await attachment.pod.ip('link delete eth0')
      await attachment.mustDel()
    },
  },
  deletesWithoutResult(LIFE),
  {
    id: 'bridge.del.no-bridge',
    title: 'DEL succeeds if the bridge has gone',
    source: SPEC.del,
    needs: NEEDS,
    async run(world) {
      const attachment = await world.attach(world.network(bridge(world)))
      await world.host.network.ip(`link delete ${world.bridgeName}`)
      await attachment.mustDel()
    },
  },
  {
    id: 'bridge.del.no-rules',
    title: 'DEL succeeds if somebody flushed the packet filters before',
    source: SPEC.del,
    needs: NAT,
    async run(world) {
      const attachment = await world.attach(masquerading(world))
      await world.host.network.output(['nft', 'flush', 'ruleset'])
      await attachment.mustDel()
    },
  },
  {
    id: 'bridge.del.others-stay',
    title: 'DEL of one pod leaves the other one connected',
    source: SPEC.del,
    needs: NAT,
    async run(world) {
      const network = masquerading(world)
      const first = await world.attach(network)
      const second = await world.attach(network)
      await first.mustDel()
      await world.serve(world.host.outside, 'udp', 9000)
      expectEqual('source seen outside', await world.visit(second.pod, OUTSIDE.ipv4, 9000), UPLINK.ipv4)
    },
  },
]
