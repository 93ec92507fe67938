import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { ConformanceCase, Needs } from '../case.ts'
import { bridge, documentation, SPEC } from '../configs.ts'
import { expectDefined, expectEqual, expectError } from '../expect.ts'
import { type ObservedLink, observeLink } from '../observe.ts'
import type { AttachOptions, World } from '../world.ts'

const NEEDS: Needs = { plugins: ['bridge', 'host-local', 'tuning'], kernel: ['bridge', 'veth'] }
const DOCS = documentation('tuning')
const ALLOWLIST = '/etc/cni/tuning/allowlist.conf'

function network(world: World, settings: Readonly<Record<string, unknown>>) {
  return world.network(bridge(world), { type: 'tuning', ...settings })
}

async function refuses(world: World, sysctl: Readonly<Record<string, string>>): Promise<void> {
  const attachment = await world.attachment(network(world, { sysctl }))
  expectError(await attachment.add())
}

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

/** With an allowlist on the fake host, as an administrator writes it. */
async function withAllowlist(
  world: World,
  lines: readonly string[],
  run: () => Promise<void>,
): Promise<void> {
  const path = world.host.file(ALLOWLIST)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, lines.map(line => `${line}\n`).join(''))
  try {
    await run()
  } finally {
    rmSync(path)
  }
}

const sysctls: readonly ConformanceCase[] = [
  {
    id: 'tuning.sysctl.set',
    title: 'sysctl: settings of the container’s network are made, with dots or slashes in their names',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      const sysctl = { 'net.ipv4.ip_default_ttl': '77', 'net/ipv4/conf/eth0/arp_filter': '1' }
      const { pod } = await world.attach(network(world, { sysctl }))
      expectEqual('net.ipv4.ip_default_ttl', await pod.sysctl('net/ipv4/ip_default_ttl'), '77')
      expectEqual('arp_filter of eth0', await pod.sysctl('net/ipv4/conf/eth0/arp_filter'), '1')
    },
  },
  {
    id: 'tuning.sysctl.host',
    title: 'sysctl: the host’s setting stays',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      const before = await world.host.network.sysctl('net/ipv4/ip_default_ttl')
      await world.attach(network(world, { sysctl: { 'net.ipv4.ip_default_ttl': '77' } }))
      expectEqual('of the host', await world.host.network.sysctl('net/ipv4/ip_default_ttl'), before)
    },
  },
  {
    id: 'tuning.sysctl.ifname',
    title: 'sysctl: IFNAME in a name stands for the interface',
    source: `${DOCS} (v1.2)`,
    needs: NEEDS,
    async run(world) {
      const sysctl = { 'net.ipv4.conf.IFNAME.arp_filter': '1' }
      const { pod } = await world.attach(network(world, { sysctl }), { ifname: 'net1' })
      expectEqual('arp_filter of net1', await pod.sysctl('net/ipv4/conf/net1/arp_filter'), '1')
    },
  },
  {
    id: 'tuning.sysctl.not-net',
    title: 'sysctl: a setting outside of net. is refused',
    source: DOCS,
    needs: NEEDS,
    run: world => refuses(world, { 'kernel.hostname': 'x' }),
  },
  {
    id: 'tuning.sysctl.parent',
    title: 'sysctl: a name that leaves the folder is refused',
    source: `${DOCS}; this suite: hostile input`,
    needs: NEEDS,
    run: world => refuses(world, { 'net/../kernel/domainname': 'x' }),
  },
  {
    id: 'tuning.sysctl.duplicate',
    title: 'sysctl: a name that stands twice is refused',
    source: `${DOCS} (v1.2)`,
    needs: NEEDS,
    async run(world) {
      const below = await world.attach(world.network(bridge(world)))
      const { options, network: list, result } = below
      const plugin = { type: 'tuning', sysctl: { 'net.ipv4.ip_default_ttl': '77' } }
      const config = JSON.stringify({
        ...plugin,
        name: list.name,
        cniVersion: list.cniVersion,
        prevResult: result,
      })
      const twice = config.replace('"sysctl":{', '"sysctl":{"net.ipv4.ip_default_ttl":"78",')
      const env = { CNI_CONTAINERID: options.containerId, CNI_IFNAME: 'eth0', CNI_NETNS: options.pod.path }
      expectError(await world.call({ verb: 'ADD', type: 'tuning', config: twice, env }))
    },
  },
  {
    id: 'tuning.sysctl.unknown',
    title: 'sysctl: a setting that the kernel does not have is an error',
    source: DOCS,
    needs: NEEDS,
    run: world => refuses(world, { 'net.ipv4.no_such_setting': '1' }),
  },
  {
    id: 'tuning.sysctl.refused-value',
    title: 'sysctl: a value that the kernel refuses is an error',
    source: DOCS,
    needs: NEEDS,
    run: world => refuses(world, { 'net.ipv4.ip_default_ttl': '1000' }),
  },
  {
    id: 'tuning.sysctl.allowed',
    title: `${ALLOWLIST}: a setting that a line matches is made`,
    source: `${DOCS}: "System sysctls" (v1.2)`,
    needs: NEEDS,
    run: world =>
      withAllowlist(world, ['^net\\.ipv4\\.ip_default_ttl$', '^net\\.core\\.'], async () => {
        const { pod } = await world.attach(network(world, { sysctl: { 'net.ipv4.ip_default_ttl': '77' } }))
        expectEqual('net.ipv4.ip_default_ttl', await pod.sysctl('net/ipv4/ip_default_ttl'), '77')
      }),
  },
  {
    id: 'tuning.sysctl.not-allowed',
    title: `${ALLOWLIST}: a setting that no line matches is refused`,
    source: `${DOCS}: "System sysctls" (v1.2)`,
    needs: NEEDS,
    run: world =>
      withAllowlist(world, ['^net\\.core\\.'], () => refuses(world, { 'net.ipv4.ip_default_ttl': '77' })),
  },
]

const life: readonly ConformanceCase[] = [
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
  {
    id: 'tuning.del.no-namespace',
    title: 'DEL after the namespace has gone succeeds and leaves no file',
    source: SPEC.del,
    needs: NEEDS,
    async run(world) {
      const attachment = await world.attach(network(world, { mtu: 1412, promisc: true }))
      await attachment.pod.remove()
      await attachment.mustDel()
    },
  },
  {
    id: 'tuning.del.twice',
    title: 'DEL twice: both succeed',
    source: SPEC.del,
    needs: NEEDS,
    async run(world) {
      const attachment = await world.attach(network(world, { mtu: 1412 }))
      await attachment.mustDel()
      await attachment.mustDel()
    },
  },
  {
    id: 'tuning.check.whole',
    title: 'CHECK succeeds with every setting made',
    source: SPEC.check,
    needs: NEEDS,
    async run(world) {
      const settings = { sysctl: { 'net.ipv4.ip_default_ttl': '77' }, mtu: 1412, promisc: true }
      const attachment = await world.attach(network(world, settings))
      await attachment.mustCheck()
    },
  },
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

export const tuningCases: readonly ConformanceCase[] = [...sysctls, ...life]
