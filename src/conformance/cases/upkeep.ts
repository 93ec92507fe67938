import type { Network, PluginConfig } from '../attachment.ts'
import type { ConformanceCase, Needs } from '../case.ts'
import { bridge, hostLocal, issue, ptp, range, SPEC } from '../configs.ts'
import { expectEqual, expectError, expectSuccess } from '../expect.ts'
import { OUTSIDE, UPLINK } from '../fake-host.ts'
import { observeAll } from '../observe.ts'
import type { World } from '../world.ts'

interface Subject {
  readonly id: string
  readonly needs: Needs
  readonly plugin: (world: World, ipam: PluginConfig) => PluginConfig
}

const SUBJECTS: readonly Subject[] = [
  {
    id: 'bridge',
    needs: { plugins: ['bridge', 'host-local'], kernel: ['bridge', 'veth', 'nat'], speaks: '1.1.0' },
    plugin: (world, ipam) => bridge(world, { ipMasq: true, ipam }),
  },
  {
    id: 'ptp',
    needs: { plugins: ['ptp', 'host-local'], kernel: ['veth', 'nat'], speaks: '1.1.0' },
    plugin: (_, ipam) => ptp(_, { ipMasq: true, ipam }),
  },
  {
    id: 'macvlan',
    needs: { plugins: ['macvlan', 'host-local'], kernel: ['macvlan'], speaks: '1.1.0' },
    plugin: (_, ipam) => ({ type: 'macvlan', master: UPLINK.name, ipam }),
  },
  {
    id: 'ipvlan',
    needs: { plugins: ['ipvlan', 'host-local'], kernel: ['ipvlan'], speaks: '1.1.0' },
    plugin: (_, ipam) => ({ type: 'ipvlan', master: UPLINK.name, ipam }),
  },
  {
    id: 'vlan',
    needs: { plugins: ['vlan', 'host-local'], kernel: ['vlan'], speaks: '1.1.0' },
    plugin: (_, ipam) => ({ type: 'vlan', master: UPLINK.name, vlanId: 50, ipam }),
  },
]

const defaultRoute = [{ dst: '0.0.0.0/0' }]

function network(world: World, { plugin }: Subject, extra: Readonly<Record<string, unknown>> = {}): Network {
  return world.network(plugin(world, hostLocal(world, { routes: defaultRoute, ...extra })))
}

/** Attachments whose addresses are named in packet filters or held by files. */
async function heldAddresses(world: World): Promise<string[]> {
  const { ruleset } = await observeAll(world.host.network)
  return world.attachments.flatMap(({ addresses }) => addresses).filter(address => ruleset.includes(address))
}

function gcCases(subject: Subject): ConformanceCase[] {
  const { id, needs } = subject
  return [
    {
      id: `${id}.gc.stale`,
      title: 'GC takes away what is left of an attachment that is not listed, whose namespace has gone',
      source: `${SPEC.gc}, ${issue('plugins', 1047)}, ${issue('plugins', 810)}`,
      needs,
      async run(world) {
        const attachment = await world.attach(network(world, subject))
        await attachment.pod.remove()
        await world.collectGarbage(network(world, subject), [])
        // What GC did is to be seen before the suite sends its DEL.
        attachment.deleted = true
        expectEqual('addresses in packet filters', await heldAddresses(world), [])
      },
    },
    {
      id: `${id}.gc.listed`,
      title: 'GC leaves a listed attachment as it is: CHECK succeeds',
      source: SPEC.gc,
      needs,
      async run(world) {
        const attachment = await world.attach(network(world, subject))
        await world.collectGarbage(network(world, subject), [attachment])
        await attachment.mustCheck()
      },
    },
    {
      id: `${id}.gc.twice`,
      title: 'GC twice, and GC of a network that was never used: all succeed',
      source: SPEC.gc,
      needs,
      async run(world) {
        const attachment = await world.attach(network(world, subject))
        await world.collectGarbage(network(world, subject), [attachment])
        await world.collectGarbage(network(world, subject), [attachment])
        await world.collectGarbage({ ...network(world, subject), name: `${world.name}never` }, [])
        await attachment.mustCheck()
      },
    },
  ]
}

function statusCases(subject: Subject): ConformanceCase[] {
  const { id, needs } = subject
  return [
    {
      id: `${id}.status.healthy`,
      title: 'STATUS succeeds when ADD would',
      source: SPEC.status,
      needs,
      async run(world) {
        expectSuccess(await world.status(network(world, subject)))
      },
    },
    {
      id: `${id}.status.exhausted`,
      title: 'STATUS is 50 or 51 while there is no address, and succeeds when one is given back',
      source: `${SPEC.status}, ${issue('plugins', 1014)}`,
      needs,
      async run(world) {
        const small = network(world, subject, { ranges: [range('10.22.0.0/30')] })
        const attachment = await world.attach(small)
        expectError(await world.status(small), { codes: [50, 51] })
        await attachment.mustDel()
        expectSuccess(await world.status(small))
      },
    },
    {
      id: `${id}.status.malformed`,
      title: 'STATUS of a configuration that ADD would refuse is an error',
      source: SPEC.status,
      needs,
      async run(world) {
        expectError(await world.status(network(world, subject, { ranges: [range('10.22.0.0/33')] })))
      },
    },
  ]
}

export const upkeepCases: readonly ConformanceCase[] = [
  ...SUBJECTS.flatMap(subject => [...gcCases(subject), ...statusCases(subject)]),
  {
    id: 'bridge.gc.traffic',
    title: 'GC of stale attachments does not cut off the listed ones',
    source: SPEC.gc,
    needs: { plugins: ['bridge', 'host-local'], kernel: ['bridge', 'veth', 'nat'], speaks: '1.1.0' },
    async run(world) {
      const masquerading = world.network(
        bridge(world, { ipMasq: true, ipam: hostLocal(world, { routes: defaultRoute }) }),
      )
      const stays = await world.attach(masquerading)
      const stale = await world.attach(masquerading)
      await stale.pod.remove()
      await world.collectGarbage(masquerading, [stays])
      stale.deleted = true
      await world.serve(world.host.outside, 'udp', 9000)
      expectEqual('source seen outside', await world.visit(stays.pod, OUTSIDE.ipv4, 9000), UPLINK.ipv4)
    },
  },
  {
    id: 'bridge.gc.interface',
    title: 'GC tells interfaces of one container apart',
    source: SPEC.gc,
    needs: { plugins: ['bridge', 'host-local'], kernel: ['bridge', 'veth'], speaks: '1.1.0' },
    async run(world) {
      const network = world.network(bridge(world))
      const stays = await world.attach(network, { containerId: world.name })
      const stale = await world.attach(network, { ...stays.options, ifname: 'eth1' })
      await world.collectGarbage(network, [stays])
      stale.deleted = true
      await stays.mustCheck()
      const again = await world.attach(network, { args: `IP=${stale.address}` })
      expectEqual('the address that was given back', again.address, stale.address)
    },
  },
  {
    id: 'bridge.gc.malformed',
    title: 'GC with a list that is none is an error, and nothing is taken away',
    source: SPEC.gc,
    needs: { plugins: ['bridge', 'host-local'], kernel: ['bridge', 'veth'], speaks: '1.1.0' },
    async run(world) {
      const network = world.network(bridge(world))
      const attachment = await world.attach(network)
      const [plugin] = network.plugins
      const config = { ...plugin, name: network.name, cniVersion: network.cniVersion }
      const reply = await world.call({
        verb: 'GC',
        type: 'bridge',
        config: { ...config, 'cni.dev/valid-attachments': 'none' },
      })
      expectError(reply)
      await attachment.mustCheck()
    },
  },
]
