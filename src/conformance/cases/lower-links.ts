import type { ConformanceCase, Needs } from '../case.ts'
import { ALL_OR_NOTHING, documentation, dualStack, hostLocal, range, SPEC } from '../configs.ts'
import { expectDefined, expectEqual, expectError, expectIncludes } from '../expect.ts'
import { OUTSIDE, UPLINK } from '../fake-host.ts'
import type { KernelFeature } from '../kernel-features.ts'
import { addressesOf, observeLink, observeLinks } from '../observe.ts'
import type { World } from '../world.ts'
import { expectNoLink } from './links.ts'

type Extra = Readonly<Record<string, unknown>>

/** Plugins that put an interface upon one of the host. */
interface Subject {
  readonly type: 'macvlan' | 'ipvlan' | 'vlan'
  readonly kernel: KernelFeature
  /** What the configuration must have besides `master`. */
  readonly keys: Extra
}

const SUBJECTS: readonly Subject[] = [
  { type: 'macvlan', kernel: 'macvlan', keys: {} },
  { type: 'ipvlan', kernel: 'ipvlan', keys: {} },
  { type: 'vlan', kernel: 'vlan', keys: { vlanId: 50 } },
]

function needsOf({ type, kernel }: Subject, ...more: readonly KernelFeature[]): Needs {
  return { plugins: [type, 'host-local'], kernel: [kernel, ...more] }
}

function network(world: World, { type, keys }: Subject, extra: Extra = {}) {
  return world.network({ type, master: UPLINK.name, ipam: hostLocal(world), ...keys, ...extra })
}

function commonCases(subject: Subject): ConformanceCase[] {
  const { type } = subject
  const docs = documentation(type)
  const needs = needsOf(subject)
  const refusal = (id: string, title: string, extra: Extra): ConformanceCase => ({
    id: `${type}.add.${id}`,
    title,
    source: docs,
    needs,
    async run(world) {
      const attachment = await world.attachment(network(world, subject, extra))
      expectError(await attachment.add())
      await expectNoLink('eth0 in the container', attachment.pod, 'eth0')
    },
  })
  return [
    {
      id: `${type}.add.interface`,
      title: 'the container has an interface upon the master, up and with the address',
      source: docs,
      needs,
      async run(world) {
        const { pod, result } = await world.attach(network(world, subject))
        const link = expectDefined('eth0 in the container', await observeLink(pod, 'eth0'))
        expectEqual('kind', link.linkinfo?.info_kind, type)
        expectEqual('addresses', addressesOf(link), [result.ips[0]?.address])
        expectIncludes('flags', link.flags, 'UP')
      },
    },
    {
      id: `${type}.add.result`,
      title: 'the result lists the interface in its sandbox, and the address belongs to it',
      source: SPEC.result,
      needs,
      async run(world) {
        const { pod, result } = await world.attach(network(world, subject))
        const [ip] = result.ips
        const owner = expectDefined('interface of the address', result.interfaces[ip?.interface ?? -1])
        expectEqual('its name and sandbox', [owner.name, owner.sandbox], ['eth0', pod.path])
        expectEqual('its MAC', owner.mac?.toLowerCase(), (await observeLink(pod, 'eth0'))?.address)
      },
    },
    {
      id: `${type}.add.dual-stack`,
      title: 'an address of each family',
      source: docs,
      needs: needsOf(subject, 'ipv6'),
      async run(world) {
        const { pod, result } = await world.attach(network(world, subject, { ipam: dualStack(world) }))
        const wanted = result.ips.map(({ address }) => address)
        expectEqual('addresses', addressesOf(await observeLink(pod, 'eth0')), wanted)
      },
    },
    {
      id: `${type}.add.mtu`,
      title: 'mtu: the interface has it',
      source: docs,
      needs,
      async run(world) {
        const { pod } = await world.attach(network(world, subject, { mtu: 1400 }))
        expectEqual('MTU', (await observeLink(pod, 'eth0'))?.mtu, 1400)
      },
    },
    refusal('large-mtu', 'an mtu above the master’s is refused', { mtu: 9000 }),
    refusal('negative-mtu', 'a negative mtu is refused', { mtu: -1 }),
    refusal('no-such-master', 'a master that is not there is an error', { master: 'not-there' }),
    {
      id: `${type}.add.twice`,
      title: 'ADD twice for one container and interface is an error; the first one stays',
      source: SPEC.add,
      needs,
      async run(world) {
        const first = await world.attach(network(world, subject))
        const again = await world.attachment(first.network, first.options)
        expectError(await again.add())
        again.deleted = true
        expectEqual('addresses', addressesOf(await observeLink(first.pod, 'eth0')), [
          first.result.ips[0]?.address,
        ])
      },
    },
    {
      id: `${type}.add.in-container`,
      title: 'linkInContainer: the master is looked for in the container',
      source: `${docs} (v1.2)`,
      needs,
      async run(world) {
        const pod = await world.pod()
        await pod.ip('link add inner type veth peer name innerp')
        await pod.ip('link set inner up')
        const inside = network(world, subject, { master: 'inner', linkInContainer: true })
        const attachment = await world.attach(inside, { pod })
        const link = expectDefined('eth0 in the container', await observeLink(pod, 'eth0'))
        expectEqual('device below', link.link, 'inner')
        await attachment.mustDel()
        expectDefined('the master after DEL', await observeLink(pod, 'inner'))
      },
    },
    {
      id: `${type}.del.twice`,
      title: 'DEL takes the interface away, twice: both succeed',
      source: SPEC.del,
      needs,
      async run(world) {
        const attachment = await world.attach(network(world, subject))
        await attachment.mustDel()
        await expectNoLink('eth0 in the container', attachment.pod, 'eth0')
        await attachment.mustDel()
      },
    },
    {
      id: `${type}.del.no-namespace`,
      title: 'DEL after the namespace has gone succeeds and gives the address back',
      source: SPEC.del,
      needs,
      async run(world) {
        const attachment = await world.attach(network(world, subject))
        await attachment.pod.remove()
        await attachment.mustDel()
      },
    },
    {
      id: `${type}.check.address`,
      title: 'CHECK succeeds, and is an error when the address has gone',
      source: SPEC.check,
      needs,
      async run(world) {
        const attachment = await world.attach(network(world, subject))
        await attachment.mustCheck()
        await attachment.pod.ip('address flush dev eth0')
        expectError(await attachment.check())
      },
    },
    {
      id: `${type}.rollback.exhausted`,
      title: 'ADD without a free address leaves nothing',
      source: ALL_OR_NOTHING,
      needs,
      async run(world) {
        const small = network(world, subject, { ipam: hostLocal(world, { ranges: [range('10.22.0.0/30')] }) })
        await world.attach(small)
        const second = await world.attachment(small)
        expectError(await second.add())
        await expectNoLink('eth0 in the container', second.pod, 'eth0')
      },
    },
  ]
}

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

const own: readonly ConformanceCase[] = [
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
    needs: { plugins: ['ipvlan', 'host-local'] },
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
    needs: { plugins: ['vlan', 'host-local'] },
    async run(world: World) {
      expectError(await (await world.attachment(network(world, VLAN, { vlanId }))).add())
    },
  })),
  {
    id: 'vlan.add.no-master',
    title: 'without master it is an error',
    source: documentation('vlan'),
    needs: { plugins: ['vlan', 'host-local'] },
    async run(world) {
      expectError(await (await world.attachment(network(world, VLAN, { master: undefined }))).add())
    },
  },
]

export const lowerLinkCases: readonly ConformanceCase[] = [...SUBJECTS.flatMap(commonCases), ...own]
