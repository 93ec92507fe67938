import type { ConformanceCase, Needs } from '../../case.ts'
import { documentation, SPEC } from '../../configs.ts'
import { expectDefined, expectEqual, expectError } from '../../expect.ts'
import { type ObservedLink, observeLink } from '../../observe.ts'
import type { AttachOptions, World } from '../../world.ts'
import { checksWhole, deletesTwice, deletesWithoutNamespace, type LifeSubject } from '../life.ts'
import { network } from './network.ts'

const NEEDS: Needs = { plugins: ['bridge', 'host-local', 'tuning'], kernel: ['bridge', 'veth'] }
const DOCS = documentation('tuning')

/** Settings of the interface: how they are asked for and seen. */
const SETTINGS: readonly {
  readonly id: string
  readonly settings: Readonly<Record<string, unknown>>
  readonly seen: (link: ObservedLink) => unknown
  readonly wanted: unknown
  readonly since?: string
}[] = [
  { id: 'mtu', settings: { mtu: 1412 }, seen: link => link.mtu, wanted: 1412 },
  {
    id: 'mac',
    settings: { mac: '02:11:22:33:44:55' },
    seen: link => link.address,
    wanted: '02:11:22:33:44:55',
  },
  { id: 'promisc', settings: { promisc: true }, seen: link => link.flags.includes('PROMISC'), wanted: true },
  {
    id: 'allmulti',
    settings: { allmulti: true },
    seen: link => link.flags.includes('ALLMULTI'),
    wanted: true,
  },
  { id: 'txqlen', settings: { txQLen: 2222 }, seen: link => link.txqlen, wanted: 2222, since: 'v1.4' },
]

/** The ways to ask for a MAC address, weakest first. */
const MACS: readonly {
  readonly id: string
  readonly what: string
  readonly settings: Readonly<Record<string, unknown>>
  readonly options: AttachOptions
}[] = [
  {
    id: 'cni-args',
    what: 'MAC in CNI_ARGS',
    settings: {},
    options: { args: 'IgnoreUnknown=1;MAC=02:00:00:00:00:0a' },
  },
  {
    id: 'args',
    what: 'args.cni.mac',
    settings: { args: { cni: { mac: '02:00:00:00:00:0a' } } },
    options: { args: 'IgnoreUnknown=1;MAC=02:00:00:00:00:0b' },
  },
  {
    id: 'capability',
    what: 'the capability mac',
    settings: { capabilities: { mac: true } },
    options: { args: 'IgnoreUnknown=1;MAC=02:00:00:00:00:0b', capabilityArgs: { mac: '02:00:00:00:00:0a' } },
  },
]

async function eth0(world: World, { pod }: Awaited<ReturnType<World['attach']>>): Promise<ObservedLink> {
  return expectDefined(`eth0 in the container of ${world.name}`, await observeLink(pod, 'eth0'))
}

const LIFE: LifeSubject = {
  type: 'tuning',
  needs: NEEDS,
  attach: world =>
    world.attach(network(world, { sysctl: { 'net.ipv4.ip_default_ttl': '77' }, mtu: 1412, promisc: true })),
}

/** Settings of the interface, DEL and CHECK. */
export const tuningSettingCases: readonly ConformanceCase[] = [
  ...SETTINGS.flatMap(({ id, settings, seen, wanted, since }) => [
    {
      id: `tuning.add.${id}`,
      title: `${Object.keys(settings).join()}: the interface has it`,
      source: since === undefined ? DOCS : `${DOCS} (${since})`,
      needs: NEEDS,
      async run(world: World) {
        const attachment = await world.attach(network(world, settings))
        expectEqual(id, seen(await eth0(world, attachment)), wanted)
      },
    },
    {
      id: `tuning.del.${id}`,
      title: `${Object.keys(settings).join()}: DEL of tuning puts back what was there before`,
      source: since === undefined ? DOCS : `${DOCS} (${since})`,
      needs: NEEDS,
      async run(world: World) {
        const whole = network(world, settings)
        const first = { ...whole, plugins: whole.plugins.slice(0, 1) }
        const below = await world.attach(first)
        const before = seen(await eth0(world, below))
        const { options, network: list } = below
        const config = {
          type: 'tuning',
          ...settings,
          name: list.name,
          cniVersion: list.cniVersion,
          prevResult: below.result,
        }
        const env = { CNI_CONTAINERID: options.containerId, CNI_IFNAME: 'eth0', CNI_NETNS: options.pod.path }
        const added = await world.call({ verb: 'ADD', type: 'tuning', config, env })
        expectEqual('exit status of ADD', added.exitCode, 0)
        expectEqual(`${id} after ADD`, seen(await eth0(world, below)), wanted)
        const deleted = await world.call({ verb: 'DEL', type: 'tuning', config, env })
        expectEqual('exit status of DEL', deleted.exitCode, 0)
        expectEqual(`${id} after DEL`, seen(await eth0(world, below)), before)
      },
    },
  ]),
  ...MACS.map(({ id, what, settings, options }) => ({
    id: `tuning.mac.${id}`,
    title: `${what} is used, before weaker places`,
    source: `${DOCS}, CNI conventions "mac"`,
    needs: NEEDS,
    async run(world: World) {
      const attachment = await world.attach(network(world, settings), options)
      expectEqual('MAC address', (await eth0(world, attachment)).address, '02:00:00:00:00:0a')
    },
  })),
  {
    id: 'tuning.mac.result',
    title: 'the result has the new MAC address',
    source: `${DOCS}, ${SPEC.result}`,
    needs: NEEDS,
    async run(world) {
      const { result } = await world.attach(network(world, { mac: '02:11:22:33:44:55' }))
      expectEqual('MAC of the container end', result.interfaces.at(-1)?.mac, '02:11:22:33:44:55')
    },
  },
  {
    id: 'tuning.add.bad-mac',
    title: 'a MAC address that is none is refused',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      const attachment = await world.attachment(network(world, { mac: '02:11:22' }))
      expectError(await attachment.add())
    },
  },
  deletesWithoutNamespace(LIFE),
  deletesTwice(LIFE),
  checksWhole(LIFE),
  {
    id: 'tuning.check.sysctl',
    title: 'CHECK notices a sysctl with another value',
    source: SPEC.check,
    needs: NEEDS,
    async run(world) {
      const attachment = await world.attach(network(world, { sysctl: { 'net.ipv4.ip_default_ttl': '77' } }))
      await attachment.pod.setSysctl('net/ipv4/ip_default_ttl', '64')
      expectError(await attachment.check())
    },
  },
  {
    id: 'tuning.check.mtu',
    title: 'CHECK notices an interface with another MTU',
    source: SPEC.check,
    needs: NEEDS,
    async run(world) {
      const attachment = await world.attach(network(world, { mtu: 1412 }))
      await attachment.pod.ip('link set eth0 mtu 1400')
      expectError(await attachment.check())
    },
  },
]
