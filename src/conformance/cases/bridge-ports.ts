import type { ConformanceCase, Needs } from '../case.ts'
import { bridge, documentation, GATEWAY, SPEC } from '../configs.ts'
import { expectDefined, expectEqual, expectError, expectThat } from '../expect.ts'
import { addressesOf, type ObservedVlan, observeLink, observeLinks, observeVlans } from '../observe.ts'
import type { AttachOptions, World } from '../world.ts'
import { hostEnd } from './links.ts'

const NEEDS: Needs = { plugins: ['bridge', 'host-local'], kernel: ['bridge', 'veth'] }
const VLAN: Needs = { ...NEEDS, kernel: ['bridge', 'veth', 'bridge-vlan'] }
const DOCS = documentation('bridge')

type Extra = Readonly<Record<string, unknown>>

/** VLANs of the container's port: `100 untagged`, `200 tagged`. */
async function portVlans(world: World, extra: Extra): Promise<string[]> {
  const attachment = await world.attach(world.network(bridge(world, { isGateway: false, ...extra })))
  const { ifname } = await hostEnd(world, attachment)
  return (await observeVlans(world.host.network, ifname)).flatMap(vlanTexts).sort()
}

function vlanTexts({ vlan, vlanEnd = vlan, flags }: ObservedVlan): string[] {
  const how = flags.includes('Egress Untagged') ? 'untagged' : 'tagged'
  return Array.from({ length: vlanEnd - vlan + 1 }, (_, index) => `${vlan + index} ${how}`)
}

async function refuses(world: World, extra: Extra): Promise<void> {
  const attachment = await world.attachment(world.network(bridge(world, extra)))
  expectError(await attachment.add())
}

const vlans: readonly ConformanceCase[] = [
  {
    id: 'bridge.vlan.port',
    title: 'vlan: it is the port’s only one, untagged',
    source: DOCS,
    needs: VLAN,
    async run(world) {
      const found = await portVlans(world, { vlan: 100, preserveDefaultVlan: false })
      expectEqual('VLANs of the port', found, ['100 untagged'])
    },
  },
  {
    id: 'bridge.vlan.preserve-default',
    title: 'preserveDefaultVlan: the port keeps VLAN 1, too',
    source: `${DOCS} (v1.3)`,
    needs: VLAN,
    async run(world) {
      const found = await portVlans(world, { vlan: 100, preserveDefaultVlan: true })
      expectEqual('VLANs of the port', found, ['1 untagged', '100 untagged'])
    },
  },
  {
    id: 'bridge.vlan.trunk',
    title: 'vlanTrunk: the port has all of them, tagged',
    source: `${DOCS} (v1.3)`,
    needs: VLAN,
    async run(world) {
      const vlanTrunk = [{ id: 101 }, { minID: 200, maxID: 202 }]
      const found = await portVlans(world, { vlanTrunk, preserveDefaultVlan: false })
      const tagged = found.filter(text => text.endsWith(' tagged'))
      expectEqual('tagged VLANs of the port', tagged, [
        '101 tagged',
        '200 tagged',
        '201 tagged',
        '202 tagged',
      ])
    },
  },
  {
    id: 'bridge.vlan.traffic',
    title: 'containers of one VLAN reach each other, those of another VLAN do not reach them',
    source: DOCS,
    needs: VLAN,
    async run(world) {
      const first = await world.attach(world.network(bridge(world, { isGateway: false, vlan: 100 })))
      const second = await world.attach(world.network(bridge(world, { isGateway: false, vlan: 100 })))
      const third = await world.attach(world.network(bridge(world, { isGateway: false, vlan: 200 })))
      await world.serve(second.pod, 'udp', 9000)
      expectEqual('source seen', await world.visit(first.pod, second.address, 9000), first.address)
      const stranger = await world.visit(third.pod, second.address, 9000, 'udp', 400)
      expectEqual('source seen of the other VLAN', stranger, undefined)
    },
  },
  {
    id: 'bridge.vlan.gateway',
    title: 'the gateway of a VLAN is reached by its containers',
    source: DOCS,
    needs: VLAN,
    async run(world) {
      const { pod, address } = await world.attach(world.network(bridge(world, { vlan: 100 })))
      await world.serve(world.host.network, 'udp', 9000)
      expectEqual('source seen', await world.visit(pod, GATEWAY.ipv4, 9000), address)
    },
  },
  ...(
    [
      ['id-zero', 'an id of 0', [{ id: 0 }]],
      ['id-large', 'an id above 4094', [{ id: 4095 }]],
      ['half-range', 'a range without its end', [{ minID: 100 }]],
      ['backwards', 'a range that goes backwards', [{ minID: 200, maxID: 100 }]],
    ] as const
  ).map(([id, title, vlanTrunk]) => ({
    id: `bridge.vlan.trunk-${id}`,
    title: `vlanTrunk: ${title} is refused`,
    source: `${DOCS} (v1.3)`,
    needs: NEEDS,
    run: (world: World) => refuses(world, { isGateway: false, vlanTrunk }),
  })),
]

/** The ways to ask for a MAC address, weakest first; each case has the weaker ones against it. */
const MACS: readonly {
  readonly id: string
  readonly what: string
  readonly extra: Extra
  readonly options: AttachOptions
}[] = [
  {
    id: 'cni-args',
    what: 'MAC in CNI_ARGS',
    extra: {},
    options: { args: 'IgnoreUnknown=1;MAC=02:00:00:00:00:0a' },
  },
  {
    id: 'args',
    what: 'args.cni.mac',
    extra: { args: { cni: { mac: '02:00:00:00:00:0a' } } },
    options: { args: 'IgnoreUnknown=1;MAC=02:00:00:00:00:0b' },
  },
  {
    id: 'capability',
    what: 'the capability mac',
    extra: { args: { cni: { mac: '02:00:00:00:00:0c' } }, capabilities: { mac: true } },
    options: { args: 'IgnoreUnknown=1;MAC=02:00:00:00:00:0b', capabilityArgs: { mac: '02:00:00:00:00:0a' } },
  },
]

const macs: readonly ConformanceCase[] = [
  ...MACS.map(({ id, what, extra, options }) => ({
    id: `bridge.mac.${id}`,
    title: `${what} is used, before weaker places; interface and result have it`,
    source: `${DOCS}, CNI conventions "mac"`,
    needs: NEEDS,
    async run(world: World) {
      const { pod, result } = await world.attach(world.network(bridge(world, extra)), options)
      expectEqual('MAC of eth0', (await observeLink(pod, 'eth0'))?.address, '02:00:00:00:00:0a')
      expectEqual('MAC in the result', result.interfaces[2]?.mac, '02:00:00:00:00:0a')
    },
  })),
  {
    id: 'bridge.mac.malformed',
    title: 'a MAC address that is none is an error',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      const network = world.network(bridge(world, { capabilities: { mac: true } }))
      const attachment = await world.attachment(network, { capabilityArgs: { mac: 'no mac' } })
      expectError(await attachment.add())
    },
  },
]

const SPOOF_DOCS = `${DOCS}, "macspoofchk"`

const spoofing: readonly ConformanceCase[] = [
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

const settings: readonly ConformanceCase[] = [
  {
    id: 'bridge.settings.no-router-advertisements',
    title: 'the host’s ends take no router advertisements: a container cannot reroute the host',
    source: 'CVE-2020-10749',
    needs: { ...NEEDS, kernel: ['bridge', 'veth', 'ipv6'] },
    async run(world) {
      const attachment = await world.attach(world.network(bridge(world)))
      const { ifname } = await hostEnd(world, attachment)
      for (const name of [world.bridgeName, ifname]) {
        const value = await world.host.network.sysctl(`net/ipv6/conf/${name}/accept_ra`)
        expectEqual(`accept_ra of ${name}`, value, '0')
      }
    },
  },
  {
    id: 'bridge.settings.announce',
    title: 'the container end announces its addresses (arp_notify)',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      const { pod } = await world.attach(world.network(bridge(world)))
      expectEqual('arp_notify of eth0', await pod.sysctl('net/ipv4/conf/eth0/arp_notify'), '1')
    },
  },
  {
    id: 'bridge.settings.enabledad',
    title: 'enabledad: duplicate address detection runs, and the address works afterwards',
    source: `${DOCS} (v1.3)`,
    needs: { ...NEEDS, kernel: ['bridge', 'veth', 'ipv6'] },
    async run(world) {
      const ipam = { type: 'host-local', ranges: [[{ subnet: 'fd00:22::/64' }]], dataDir: world.dataDir }
      const { pod, result } = await world.attach(world.network(bridge(world, { enabledad: true, ipam })))
      const link = expectDefined('eth0 in the container', await observeLink(pod, 'eth0'))
      expectEqual('addresses', addressesOf(link), [result.ips[0]?.address])
      expectEqual('accept_dad of eth0', await pod.sysctl('net/ipv6/conf/eth0/accept_dad'), '1')
    },
  },
  {
    id: 'bridge.settings.names',
    title: 'host ends of many containers have names of their own',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      const network = world.network(bridge(world))
      for (let index = 0; index < 5; index += 1) await world.attach(network)
      const ports = (await observeLinks(world.host.network)).filter(
        ({ master }) => master === world.bridgeName,
      )
      expectEqual('number of ports', ports.length, 5)
    },
  },
]

export const bridgePortCases: readonly ConformanceCase[] = [...vlans, ...macs, ...spoofing, ...settings]
