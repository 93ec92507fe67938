import type { ConformanceCase, Needs } from '../../case.ts'
import { bridge, documentation, GATEWAY, SPEC } from '../../configs.ts'
import { expectEqual, expectThat } from '../../expect.ts'
import { hostEnd } from '../links.ts'

const NEEDS: Needs = { plugins: ['bridge', 'host-local'], kernel: ['bridge', 'veth'] }
const DOCS = documentation('bridge')

const SPOOF_DOCS = `${DOCS}, "macspoofchk"`

/** macspoofchk: frames with a MAC address that is not the container’s. */
export const bridgeSpoofingCases: readonly ConformanceCase[] = [
  {
    id: 'bridge.macspoofchk.honest',
    title: 'macspoofchk: frames with the container’s own MAC address pass',
    source: SPOOF_DOCS,
    needs: NEEDS,
    async run(world) {
      const { pod, address } = await world.attach(world.network(bridge(world, { macspoofchk: true })))
      await world.serve(world.host.network, 'udp', 9000)
      expectEqual('source seen', await world.visit(pod, GATEWAY.ipv4, 9000), address)
    },
  },
  {
    id: 'bridge.macspoofchk.spoofed',
    title: 'macspoofchk: frames with another MAC address are dropped',
    source: SPOOF_DOCS,
    needs: NEEDS,
    async run(world) {
      const { pod } = await world.attach(world.network(bridge(world, { macspoofchk: true })))
      const service = await world.serve(world.host.network, 'udp', 9000)
      await world.visit(pod, GATEWAY.ipv4, 9000)
      const honest = service.sources.length
      await pod.ip('link set eth0 address 02:66:66:66:66:66')
      // Arrivals count: an answer could get lost on its own, on the way to the old address.
      await world.visit(pod, GATEWAY.ipv4, 9000, 'udp', 400)
      expectThat('honest arrivals', honest > 0, 'at least one', honest)
      expectEqual('arrivals with another MAC address', service.sources.length - honest, 0)
    },
  },
  {
    id: 'bridge.macspoofchk.del',
    title: 'macspoofchk: after DEL no rule names the port',
    source: SPOOF_DOCS,
    needs: NEEDS,
    async run(world) {
      const attachment = await world.attach(world.network(bridge(world, { macspoofchk: true })))
      const { ifname } = await hostEnd(world, attachment)
      const rules = () => world.host.network.output(['nft', 'list', 'ruleset'])
      const before = await rules()
      expectThat('the rules before DEL', before.includes(ifname), `some with ${ifname}`, before)
      await attachment.mustDel()
      const after = await rules()
      expectThat('the rules after DEL', !after.includes(ifname), `none with ${ifname}`, after)
    },
  },
  {
    id: 'bridge.macspoofchk.no-namespace',
    title: 'macspoofchk: so it is when the namespace has gone before DEL',
    source: `${SPOOF_DOCS}, ${SPEC.del}`,
    needs: NEEDS,
    async run(world) {
      const attachment = await world.attach(world.network(bridge(world, { macspoofchk: true })))
      const { ifname } = await hostEnd(world, attachment)
      await attachment.pod.remove()
      await attachment.mustDel()
      const after = await world.host.network.output(['nft', 'list', 'ruleset'])
      expectThat('the rules after DEL', !after.includes(ifname), `none with ${ifname}`, after)
    },
  },
]
