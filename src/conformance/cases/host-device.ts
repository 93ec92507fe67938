import type { ConformanceCase, Needs } from '../case.ts'
import { documentation, hostLocal, SPEC } from '../configs.ts'
import { expectDefined, expectEqual, expectError, expectIncludes } from '../expect.ts'
import { addressesOf, observeLink } from '../observe.ts'
import type { World } from '../world.ts'
import { expectNoLink } from './links.ts'

const NEEDS: Needs = { plugins: ['host-device', 'host-local'], kernel: ['veth'] }
const DOCS = documentation('host-device')

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

export const hostDeviceCases: readonly ConformanceCase[] = [
  {
    id: 'host-device.add.name',
    title: 'device: it is in the container under the name asked for, up and with the address',
    source: DOCS,
    needs: NEEDS,
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
    needs: NEEDS,
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
    source: DOCS,
    needs: NEEDS,
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
    source: DOCS,
    needs: NEEDS,
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
    needs: NEEDS,
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
    needs: NEEDS,
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
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      expectError(await (await world.attachment(deviceNetwork(world, { device: 'not-there' }))).add())
    },
  },
  {
    id: 'host-device.add.unsaid',
    title: 'a configuration that names no device is refused',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      expectError(await (await world.attachment(deviceNetwork(world, {}))).add())
    },
  },
  {
    id: 'host-device.add.no-pci',
    title: 'a PCI address where nothing is, is an error',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      const network = deviceNetwork(world, { pciBusID: '0000:ff:1f.7' })
      expectError(await (await world.attachment(network)).add())
    },
  },
  {
    id: 'host-device.add.interface-exists',
    title: 'an interface of that name in the container is an error; the device is on the host afterwards',
    source: SPEC.add,
    needs: NEEDS,
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
    needs: NEEDS,
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
