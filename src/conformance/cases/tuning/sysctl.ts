import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { ConformanceCase, Needs } from '../../case.ts'
import { bridge, documentation } from '../../configs.ts'
import { expectEqual, expectError } from '../../expect.ts'
import type { World } from '../../world.ts'
import { network } from './network.ts'

const NEEDS: Needs = { plugins: ['bridge', 'host-local', 'tuning'], kernel: ['bridge', 'veth'] }
const DOCS = documentation('tuning')
const ALLOWLIST = '/etc/cni/tuning/allowlist.conf'

async function refuses(world: World, sysctl: Readonly<Record<string, string>>): Promise<void> {
  const attachment = await world.attachment(network(world, { sysctl }))
  expectError(await attachment.add())
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

/** Settings of the kernel. */
export const tuningSysctlCases: readonly ConformanceCase[] = [
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
  ...(
    [
      ['unix', 'net.unix.max_dgram_qlen', '77', []],
      ['netfilter', 'net.netfilter.nf_conntrack_tcp_be_liberal', '1', ['conntrack']],
      ['mptcp', 'net.mptcp.add_addr_timeout', '77', ['mptcp']],
    ] as const
  ).map(([directory, key, value, kernel]) => ({
    id: `tuning.sysctl.${directory}`,
    title: `sysctl: settings of net.${directory} are the container’s own; CHECK notices another value`,
    source: `${DOCS}: "any sysctl that belongs to the network namespace"`,
    needs: { ...NEEDS, kernel: ['bridge', 'veth', ...kernel] } satisfies Needs,
    async run(world: World) {
      const path = key.replaceAll('.', '/')
      const before = await world.host.network.sysctl(path)
      const attachment = await world.attach(network(world, { sysctl: { [key]: value } }))
      expectEqual(key, await attachment.pod.sysctl(path), value)
      expectEqual(`${key} of the host`, await world.host.network.sysctl(path), before)
      await attachment.mustCheck()
      await attachment.pod.setSysctl(path, before)
      expectError(await attachment.check())
    },
  })),
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
