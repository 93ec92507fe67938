import type { ConformanceCase } from '../../case.ts'
import { documentation, hostLocal, range } from '../../configs.ts'
import { expectDefined, expectEqual, expectError, expectIncludes } from '../../expect.ts'
import { OUTSIDE, UPLINK } from '../../fake-host.ts'
import { observeLink, observeLinks } from '../../observe.ts'
import type { World } from '../../world.ts'
import { needsOf, network, SUBJECTS, type Subject } from './subjects.ts'

/** Addresses of the net beyond the uplink: traffic goes through the master. */
function onUplink(world: World) {
  return hostLocal(world, {
    ranges: [
      range('192.0.2.0/24', { rangeStart: '192.0.2.100', rangeEnd: '192.0.2.110', gateway: OUTSIDE.ipv4 }),
    ],
  })
}

const [MACVLAN, IPVLAN, VLAN] = ['macvlan', 'ipvlan', 'vlan'].map(type =>
  SUBJECTS.find(one => one.type === type),
) as [Subject, Subject, Subject]

function modeCase(subject: Subject, mode: string): ConformanceCase {
  return {
    id: `${subject.type}.mode.${mode}`,
    title: `mode ${mode}: the interface has it`,
    source: documentation(subject.type),
    needs: needsOf(subject),
    async run(world) {
      const { pod } = await world.attach(network(world, subject, { mode }))
      expectEqual('mode', (await observeLink(pod, 'eth0'))?.linkinfo?.info_data['mode'], mode)
    },
  }
}

/** Two containers and the machine outside on one wire. */
function trafficCase(subject: Subject): ConformanceCase {
  return {
    id: `${subject.type}.add.traffic`,
    title: 'two containers and a machine outside reach each other on the master’s wire',
    source: documentation(subject.type),
    needs: needsOf(subject),
    async run(world) {
      const wire = network(world, subject, { ipam: onUplink(world) })
      const first = await world.attach(wire)
      const second = await world.attach(wire)
      await world.serve(second.pod, 'udp', 9000)
      await world.serve(world.host.outside, 'udp', 9000)
      expectEqual(
        'source seen by the other one',
        await world.visit(first.pod, second.address, 9000),
        first.address,
      )
      expectEqual('source seen outside', await world.visit(first.pod, OUTSIDE.ipv4, 9000), first.address)
    },
  }
}

function defaultMasterCase(subject: Subject): ConformanceCase {
  return {
    id: `${subject.type}.add.default-master`,
    title: 'without master it is the device of the default route',
    source: documentation(subject.type),
    needs: needsOf(subject),
    async run(world) {
      const wire = network(world, subject, { ipam: onUplink(world), master: undefined })
      const { pod, address } = await world.attach(wire)
      await world.serve(world.host.outside, 'udp', 9000)
      expectEqual('source seen outside', await world.visit(pod, OUTSIDE.ipv4, 9000), address)
    },
  }
}

/** What each of macvlan, ipvlan and vlan has alone. */
export const ownLinkCases: readonly ConformanceCase[] = [
  trafficCase(MACVLAN),
  trafficCase(IPVLAN),
  defaultMasterCase(MACVLAN),
  defaultMasterCase(IPVLAN),
  ...['bridge', 'private', 'vepa', 'passthru'].map(mode => modeCase(MACVLAN, mode)),
  ...['l2', 'l3', 'l3s'].map(mode => modeCase(IPVLAN, mode)),
  {
    id: 'macvlan.mode.unknown',
    title: 'a mode that there is not is refused',
    source: documentation('macvlan'),
    needs: needsOf(MACVLAN),
    async run(world) {
      expectError(await (await world.attachment(network(world, MACVLAN, { mode: 'flying' }))).add())
    },
  },
  {
    id: 'ipvlan.mode.unknown',
    title: 'a mode that there is not is refused',
    source: documentation('ipvlan'),
    needs: needsOf(IPVLAN),
    async run(world) {
      expectError(await (await world.attachment(network(world, IPVLAN, { mode: 'flying' }))).add())
    },
  },
  {
    id: 'macvlan.add.mac',
    title: 'the capability mac: the interface and the result have it',
    source: 'CNI conventions, "mac"',
    needs: needsOf(MACVLAN),
    async run(world) {
      const wire = network(world, MACVLAN, { capabilities: { mac: true } })
      const { pod, result } = await world.attach(wire, { capabilityArgs: { mac: '02:11:22:33:44:55' } })
      expectEqual('MAC of eth0', (await observeLink(pod, 'eth0'))?.address, '02:11:22:33:44:55')
      expectEqual('MAC in the result', result.interfaces[0]?.mac, '02:11:22:33:44:55')
    },
  },
  {
    id: 'macvlan.add.layer-2',
    title: 'without ipam the interface is up and has no address',
    source: documentation('macvlan'),
    needs: { plugins: ['macvlan'], kernel: ['macvlan'] },
    async run(world) {
      const { pod, result } = await world.attach(world.network({ type: 'macvlan', master: UPLINK.name }))
      expectEqual('ips', result.ips, [])
      expectIncludes('flags', expectDefined('eth0', await observeLink(pod, 'eth0')).flags, 'UP')
    },
  },
  {
    id: 'ipvlan.add.chained',
    title: 'behind another plugin its first interface is the master',
    source: `${documentation('ipvlan')}: "master"`,
    needs: { plugins: ['ipvlan', 'bridge', 'host-local'], kernel: ['ipvlan', 'bridge', 'veth'] },
    async run(world) {
      const bridge = { type: 'bridge', bridge: world.bridgeName, ipam: hostLocal(world) }
      const attachment = await world.attachment(world.network(bridge, { type: 'ipvlan' }), { ifname: 'ipv0' })
      await attachment.add()
      await attachment.del()
      expectEqual(
        'links of the host',
        (await observeLinks(world.host.network)).some(({ ifname }) => ifname === 'ipv0'),
        false,
      )
    },
  },
  {
    id: 'vlan.add.id',
    title: 'vlanId: the interface has it',
    source: documentation('vlan'),
    needs: needsOf(VLAN),
    async run(world) {
      const { pod } = await world.attach(network(world, VLAN, { vlanId: 77 }))
      expectEqual('VLAN', (await observeLink(pod, 'eth0'))?.linkinfo?.info_data['id'], 77)
    },
  },
  ...[-1, 4095].map(vlanId => ({
    id: `vlan.add.bad-id-${vlanId < 0 ? 'negative' : 'large'}`,
    title: `vlanId ${vlanId} is refused`,
    source: documentation('vlan'),
    needs: needsOf(VLAN),
    async run(world: World) {
      expectError(await (await world.attachment(network(world, VLAN, { vlanId }))).add())
    },
  })),
  {
    id: 'vlan.add.no-master',
    title: 'without master it is an error',
    source: documentation('vlan'),
    needs: needsOf(VLAN),
    async run(world) {
      expectError(await (await world.attachment(network(world, VLAN, { master: undefined }))).add())
    },
  },
]
