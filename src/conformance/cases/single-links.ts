import type { ConformanceCase, Needs } from '../case.ts'
import { documentation, hostLocal, SPEC } from '../configs.ts'
import { eventually, expectDefined, expectEqual, expectError, expectIncludes, expectThat } from '../expect.ts'
import { addressesOf, observeLink } from '../observe.ts'
import type { World } from '../world.ts'
import { expectNoLink } from './links.ts'

const DEVICE: Needs = { plugins: ['host-device', 'host-local'], kernel: ['veth'] }
const DEVICE_DOCS = documentation('host-device')

type Extra = Readonly<Record<string, unknown>>

/** A device of the host that may be given away; its other end keeps it alive. */
async function withDevice(world: World, run: (name: string, mac: string) => Promise<void>): Promise<void> {
  const name = `${world.name}dev`
  await world.host.network.ip(`link add ${name} type veth peer name ${name}p`)
  try {
    const link = expectDefined(name, await observeLink(world.host.network, name))
    await run(name, link.address)
  } finally {
    await world.host.network.ip(`link delete ${name}p`)
  }
}

function deviceNetwork(world: World, extra: Extra) {
  return world.network({ type: 'host-device', ipam: hostLocal(world), ...extra })
}

const device: readonly ConformanceCase[] = [
  {
    id: 'host-device.add.name',
    title: 'device: it is in the container under the name asked for, up and with the address',
    source: DEVICE_DOCS,
    needs: DEVICE,
    run: world =>
      withDevice(world, async (name, mac) => {
        const attachment = await world.attach(deviceNetwork(world, { device: name }))
        const link = expectDefined('eth0 in the container', await observeLink(attachment.pod, 'eth0'))
        expectEqual('MAC', link.address, mac)
        expectEqual('addresses', addressesOf(link), [attachment.result.ips[0]?.address])
        expectIncludes('flags', link.flags, 'UP')
        await attachment.mustDel()
      }),
  },
  {
    id: 'host-device.add.result',
    title: 'the result lists the interface in its sandbox',
    source: SPEC.result,
    needs: DEVICE,
    run: world =>
      withDevice(world, async name => {
        const attachment = await world.attach(deviceNetwork(world, { device: name }))
        const [first] = attachment.result.interfaces
        expectEqual('name and sandbox', [first?.name, first?.sandbox], ['eth0', attachment.pod.path])
        await attachment.mustDel()
      }),
  },
  {
    id: 'host-device.add.hwaddr',
    title: 'hwaddr: the device with that address is taken',
    source: DEVICE_DOCS,
    needs: DEVICE,
    run: world =>
      withDevice(world, async (_, mac) => {
        const attachment = await world.attach(deviceNetwork(world, { hwaddr: mac }))
        expectEqual('MAC of eth0', (await observeLink(attachment.pod, 'eth0'))?.address, mac)
        await attachment.mustDel()
      }),
  },
  {
    id: 'host-device.del.name',
    title: 'DEL gives the device back to the host under its old name, without the address',
    source: DEVICE_DOCS,
    needs: DEVICE,
    run: world =>
      withDevice(world, async (name, mac) => {
        const attachment = await world.attach(deviceNetwork(world, { device: name }))
        await expectNoLink('the device on the host', world.host.network, name)
        await attachment.mustDel()
        const link = expectDefined('the device on the host', await observeLink(world.host.network, name))
        expectEqual('MAC', link.address, mac)
        expectEqual('addresses', addressesOf(link), [])
        await expectNoLink('eth0 in the container', attachment.pod, 'eth0')
      }),
  },
  {
    id: 'host-device.del.twice',
    title: 'DEL twice: both succeed',
    source: SPEC.del,
    needs: DEVICE,
    run: world =>
      withDevice(world, async name => {
        const attachment = await world.attach(deviceNetwork(world, { device: name }))
        await attachment.mustDel()
        await attachment.mustDel()
      }),
  },
  {
    id: 'host-device.del.no-namespace',
    title: 'DEL after the namespace has gone succeeds and gives the address back',
    source: SPEC.del,
    needs: DEVICE,
    async run(world) {
      // A virtual device goes with the namespace that it is in.
      const name = `${world.name}dev`
      await world.host.network.ip(`link add ${name} type veth peer name ${name}p`)
      const attachment = await world.attach(deviceNetwork(world, { device: name }))
      await attachment.pod.remove()
      await attachment.mustDel()
    },
  },
  {
    id: 'host-device.add.none',
    title: 'a device that is not there is an error',
    source: DEVICE_DOCS,
    needs: DEVICE,
    async run(world) {
      expectError(await (await world.attachment(deviceNetwork(world, { device: 'not-there' }))).add())
    },
  },
  {
    id: 'host-device.add.unsaid',
    title: 'a configuration that names no device is refused',
    source: DEVICE_DOCS,
    needs: DEVICE,
    async run(world) {
      expectError(await (await world.attachment(deviceNetwork(world, {}))).add())
    },
  },
  {
    id: 'host-device.add.no-pci',
    title: 'a PCI address where nothing is, is an error',
    source: DEVICE_DOCS,
    needs: DEVICE,
    async run(world) {
      const network = deviceNetwork(world, { pciBusID: '0000:ff:1f.7' })
      expectError(await (await world.attachment(network)).add())
    },
  },
  {
    id: 'host-device.add.interface-exists',
    title: 'an interface of that name in the container is an error; the device is on the host afterwards',
    source: SPEC.add,
    needs: DEVICE,
    run: world =>
      withDevice(world, async name => {
        const pod = await world.pod()
        await pod.ip('link add eth0 type veth peer name other')
        const attachment = await world.attachment(deviceNetwork(world, { device: name }), { pod })
        expectError(await attachment.add())
        // Nothing was attached: a DEL would take the foreign eth0 for the device.
        attachment.deleted = true
        expectDefined('the device on the host', await observeLink(world.host.network, name))
      }),
  },
  {
    id: 'host-device.check.whole',
    title: 'CHECK succeeds, and is an error when the address has gone',
    source: SPEC.check,
    needs: DEVICE,
    run: world =>
      withDevice(world, async name => {
        const attachment = await world.attach(deviceNetwork(world, { device: name }))
        await attachment.mustCheck()
        await attachment.pod.ip('address flush dev eth0')
        expectError(await attachment.check())
        await attachment.mustDel()
      }),
  },
]

interface Subject {
  readonly type: 'dummy' | 'tap'
  readonly needs: Needs
}

const SUBJECTS: readonly Subject[] = [
  { type: 'dummy', needs: { plugins: ['dummy', 'host-local'], kernel: ['dummy'] } },
  { type: 'tap', needs: { plugins: ['tap', 'host-local'], kernel: ['tun'] } },
]

function single(world: World, { type }: Subject, extra: Extra = {}) {
  return world.network({ type, ipam: hostLocal(world), ...extra })
}

function singleCases(subject: Subject): ConformanceCase[] {
  const { type, needs } = subject
  const source = documentation(type)
  return [
    {
      id: `${type}.add.interface`,
      title: 'the container has the interface, up and with the address',
      source,
      needs,
      async run(world) {
        const { pod, result } = await world.attach(single(world, subject))
        const link = expectDefined('eth0 in the container', await observeLink(pod, 'eth0'))
        expectEqual('addresses', addressesOf(link), [result.ips[0]?.address])
        expectIncludes('flags', link.flags, 'UP')
        const kind = link.linkinfo?.info_kind
        expectThat('kind', kind === type || kind === 'tun', type, kind)
      },
    },
    {
      id: `${type}.add.result`,
      title: 'the result lists the interface in its sandbox',
      source: SPEC.result,
      needs,
      async run(world) {
        const { pod, result } = await world.attach(single(world, subject))
        const names = result.interfaces.map(({ name, sandbox }) => [name, sandbox])
        expectEqual('interfaces', names, [['eth0', pod.path]])
      },
    },
    {
      id: `${type}.del.twice`,
      title: 'DEL takes the interface away, twice: both succeed',
      source: SPEC.del,
      needs,
      async run(world) {
        const attachment = await world.attach(single(world, subject))
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
        const attachment = await world.attach(single(world, subject))
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
        const attachment = await world.attach(single(world, subject))
        await attachment.mustCheck()
        await attachment.pod.ip('address flush dev eth0')
        expectError(await attachment.check())
      },
    },
  ]
}

const tap: readonly ConformanceCase[] = [
  {
    id: 'tap.add.mtu-and-mac',
    title: 'mtu and mac: the interface has them',
    source: documentation('tap'),
    needs: { plugins: ['tap', 'host-local'], kernel: ['tun'] },
    async run(world) {
      const settings = { mtu: 1400, mac: '02:11:22:33:44:55' }
      const { pod } = await world.attach(world.network({ type: 'tap', ipam: hostLocal(world), ...settings }))
      const link = await observeLink(pod, 'eth0')
      expectEqual('MTU and MAC', [link?.mtu, link?.address], [1400, '02:11:22:33:44:55'])
    },
  },
  {
    id: 'tap.add.multi-queue',
    title: 'multiQueue: the interface has several queues',
    source: documentation('tap'),
    needs: { plugins: ['tap', 'host-local'], kernel: ['tun'] },
    async run(world) {
      const plugin = { type: 'tap', ipam: hostLocal(world), multiQueue: true }
      const { pod } = await world.attach(world.network(plugin))
      const data = (await observeLink(pod, 'eth0'))?.linkinfo?.info_data
      expectEqual('multi_queue', data?.['multi_queue'], true)
    },
  },
  {
    id: 'tap.add.bridge',
    title: 'bridge: the interface is a port of it',
    source: documentation('tap'),
    needs: { plugins: ['tap', 'host-local'], kernel: ['tun', 'bridge'] },
    async run(world) {
      const pod = await world.pod()
      await pod.ip('link add inner type bridge')
      const plugin = { type: 'tap', ipam: hostLocal(world), bridge: 'inner' }
      await world.attach(world.network(plugin), { pod })
      const master = await eventually(world.clock, async () => (await observeLink(pod, 'eth0'))?.master)
      expectEqual('master', master, 'inner')
    },
  },
]

export const singleLinkCases: readonly ConformanceCase[] = [
  ...device,
  ...SUBJECTS.flatMap(singleCases),
  ...tap,
]
