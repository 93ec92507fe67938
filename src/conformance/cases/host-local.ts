import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Attachment, PluginConfig } from '../attachment.ts'
import type { ConformanceCase, Needs } from '../case.ts'
import { documentation, hostLocal, issue, range, SPEC, SUBNET } from '../configs.ts'
import { expectEqual, expectError, expectIncludes, expectSuccess, expectThat } from '../expect.ts'
import type { World } from '../world.ts'

const NEEDS: Needs = { plugins: ['host-local'] }
const DOCS = documentation('host-local')

/** host-local as the plugin of a network of its own: its configuration lies under `ipam` then, too. */
export function addressNetwork(
  world: World,
  ipam: PluginConfig,
  extra: Readonly<Record<string, unknown>> = {},
) {
  return world.network({ type: ipam.type, ipam, ...extra })
}

function network(world: World, extra: Readonly<Record<string, unknown>> = {}) {
  return addressNetwork(world, hostLocal(world, extra))
}

/** ADD for so many containers in one namespace that nothing is done in; their addresses with prefix. */
async function addresses(
  world: World,
  count: number,
  extra: Readonly<Record<string, unknown>> = {},
): Promise<string[]> {
  const pod = await world.pod()
  const found: string[] = []
  for (let index = 0; index < count; index += 1) {
    const { result } = await world.attach(network(world, extra), { pod })
    found.push(...result.ips.map(({ address }) => address))
  }
  return found
}

function leases(world: World): string[] {
  const folder = join(world.dataDir, `${world.name}net`)
  const names = existsSync(folder) ? readdirSync(folder) : []
  return names.filter(name => /^[\d.]+$|:/.test(name)).sort()
}

const allocation: readonly ConformanceCase[] = [
  {
    id: 'host-local.add.first',
    title: 'the first address is the second of the subnet: the first one is the gateway',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      const { result } = await world.attach(network(world))
      expectEqual(
        'ips',
        result.ips.map(({ address, gateway }) => [address, gateway]),
        [['10.22.0.2/24', '10.22.0.1']],
      )
    },
  },
  {
    id: 'host-local.add.sequence',
    title: 'addresses are given one after the other, also after one was given back',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      const pod = await world.pod()
      const first = await world.attach(network(world), { pod })
      await first.mustDel()
      const second = await world.attach(network(world), { pod })
      expectEqual('the address after 10.22.0.2 was given back', second.address, '10.22.0.3')
    },
  },
  {
    id: 'host-local.add.exhausted',
    title: 'a /29 has five addresses for containers; the sixth ADD is an error',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      const ranges = [range('10.22.0.0/29')]
      const given = await addresses(world, 5, { ranges })
      expectEqual(
        'addresses',
        given,
        [2, 3, 4, 5, 6].map(last => `10.22.0.${last}/29`),
      )
      const sixth = await world.attachment(network(world, { ranges }))
      expectError(await sixth.add())
      expectEqual('address files', leases(world).length, 5)
    },
  },
  {
    id: 'host-local.add.wrap',
    title: 'after the last address of the range the search goes on at its beginning',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      const ranges = [range('10.22.0.0/29')]
      const pod = await world.pod()
      const held: Attachment[] = []
      for (let index = 0; index < 5; index += 1)
        held.push(await world.attach(network(world, { ranges }), { pod }))
      await held[1]?.mustDel()
      const next = await world.attach(network(world, { ranges }), { pod })
      expectEqual('the address', next.address, '10.22.0.3')
    },
  },
  {
    id: 'host-local.add.range',
    title: 'rangeStart and rangeEnd bound what is given, both included',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      const ranges = [range(SUBNET.ipv4, { rangeStart: '10.22.0.100', rangeEnd: '10.22.0.101' })]
      expectEqual('addresses', await addresses(world, 2, { ranges }), ['10.22.0.100/24', '10.22.0.101/24'])
      const third = await world.attachment(network(world, { ranges }))
      expectError(await third.add())
    },
  },
  {
    id: 'host-local.add.gateway',
    title: 'a gateway of the configuration stands in the result and is not given away',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      const ranges = [range('10.22.0.0/30', { gateway: '10.22.0.2' })]
      const { result } = await world.attach(network(world, { ranges }))
      expectEqual(
        'ips',
        result.ips.map(({ address, gateway }) => [address, gateway]),
        [['10.22.0.1/30', '10.22.0.2']],
      )
    },
  },
  {
    id: 'host-local.add.two-ranges',
    title: 'a set of two ranges gives one address, from the second range when the first is used up',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      const ranges = [[...range('10.22.0.0/30'), ...range('10.22.1.0/30')]]
      expectEqual('addresses', await addresses(world, 2, { ranges }), ['10.22.0.2/30', '10.22.1.2/30'])
    },
  },
  {
    id: 'host-local.add.two-sets',
    title: 'two sets give an address each',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      const ranges = [range(SUBNET.ipv4), range(SUBNET.ipv6)]
      expectEqual('addresses', await addresses(world, 1, { ranges }), ['10.22.0.2/24', 'fd00:22::2/64'])
    },
  },
  {
    id: 'host-local.add.one-set-exhausted',
    title: 'if one of two sets has no address left, none is taken from the other',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      const ranges = [range(SUBNET.ipv4), range('10.23.0.0/30')]
      await addresses(world, 1, { ranges })
      const second = await world.attachment(network(world, { ranges }))
      expectError(await second.add())
      expectEqual('address files', leases(world), ['10.22.0.2', '10.23.0.2'])
    },
  },
  {
    id: 'host-local.add.legacy',
    title: 'subnet, rangeStart, rangeEnd and gateway without ranges mean the same',
    source: `${DOCS} (format before ranges)`,
    needs: NEEDS,
    async run(world) {
      const legacy = {
        subnet: SUBNET.ipv4,
        rangeStart: '10.22.0.50',
        rangeEnd: '10.22.0.60',
        gateway: '10.22.0.254',
      }
      const { result } = await world.attach(network(world, { ranges: undefined, ...legacy }))
      expectEqual(
        'ips',
        result.ips.map(({ address, gateway }) => [address, gateway]),
        [['10.22.0.50/24', '10.22.0.254']],
      )
    },
  },
  {
    id: 'host-local.add.routes-and-dns',
    title: 'routes, and the DNS settings of the file resolvConf, stand in the result',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      const resolvConf = join(world.directory, 'resolv.conf')
      writeFileSync(resolvConf, 'nameserver 10.1.0.1\nsearch a.example b.example\noptions ndots:5\n')
      const routes = [{ dst: '0.0.0.0/0' }, { dst: '10.9.0.0/16', gw: '10.22.0.9' }]
      const { result } = await world.attach(network(world, { routes, resolvConf }))
      expectEqual(
        'routes',
        result.routes.map(({ dst, gw = '' }) => [dst, gw]),
        [
          ['0.0.0.0/0', ''],
          ['10.9.0.0/16', '10.22.0.9'],
        ],
      )
      expectEqual('nameservers', result.dns.nameservers, ['10.1.0.1'])
      expectEqual('search', result.dns.search, ['a.example', 'b.example'])
      expectEqual('options', result.dns.options, ['ndots:5'])
    },
  },
  {
    id: 'host-local.add.two-interfaces',
    title: 'two interfaces of one container have an address each; DEL gives back the one that is meant',
    source: `${DOCS}, ${SPEC.parameters}`,
    needs: NEEDS,
    async run(world) {
      const pod = await world.pod()
      const first = await world.attach(network(world), { pod, containerId: world.name })
      await world.attach(network(world), { pod, containerId: world.name, ifname: 'eth1' })
      await first.mustDel()
      expectEqual('address files', leases(world), ['10.22.0.3'])
    },
  },
  {
    id: 'host-local.add.twice',
    title: 'ADD twice for one container and interface is an error; it keeps its one address',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      const first = await world.attach(network(world))
      const again = await world.attachment(network(world), first.options)
      expectError(await again.add())
      expectEqual('address files', leases(world), ['10.22.0.2'])
      again.deleted = true
    },
  },
  {
    id: 'host-local.add.networks',
    title: 'two networks with one data folder do not share their addresses',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      const pod = await world.pod()
      const first = await world.attach(network(world), { pod })
      const other = { ...network(world), name: `${world.name}other` }
      const second = await world.attach(other, { pod })
      expectEqual('addresses', [first.address, second.address], ['10.22.0.2', '10.22.0.2'])
    },
  },
]

/** Whatever asks for a certain address. */
const REQUESTS: readonly {
  readonly id: string
  readonly what: string
  readonly ask: (address: string) => {
    readonly extra?: object
    readonly args?: string
    readonly capabilityArgs?: Readonly<Record<string, unknown>>
  }
}[] = [
  { id: 'cni-args', what: 'IP in CNI_ARGS', ask: address => ({ args: `IgnoreUnknown=1;IP=${address}` }) },
  { id: 'args', what: 'args.cni.ips', ask: address => ({ extra: { args: { cni: { ips: [address] } } } }) },
  {
    id: 'capability',
    what: 'the capability ips',
    ask: address => ({ extra: { capabilities: { ips: true } }, capabilityArgs: { ips: [address] } }),
  },
]

async function request(world: World, ask: ReturnType<(typeof REQUESTS)[number]['ask']>) {
  const { extra = {}, ...options } = ask
  return world.attachment(addressNetwork(world, hostLocal(world), { ...extra }), options)
}

const requests: readonly ConformanceCase[] = [
  ...REQUESTS.map(({ id, what, ask }) => ({
    id: `host-local.request.${id}`,
    title: `an address asked for by ${what} is given`,
    source: `${DOCS}, CNI conventions`,
    needs: NEEDS,
    async run(world: World) {
      const attachment = await request(world, ask('10.22.0.77'))
      await attachment.mustAdd()
      expectEqual('address', attachment.address, '10.22.0.77')
    },
  })),
  {
    id: 'host-local.request.taken',
    title: 'an address that is taken is an error',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      await world.attach(network(world), { args: 'IP=10.22.0.77' })
      const second = await world.attachment(network(world), { args: 'IP=10.22.0.77' })
      expectError(await second.add())
    },
  },
  {
    id: 'host-local.request.gateway',
    title: 'the gateway’s address is refused',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      const attachment = await world.attachment(network(world), { args: 'IP=10.22.0.1' })
      expectError(await attachment.add())
    },
  },
  {
    id: 'host-local.request.outside',
    title: 'an address outside of all ranges is refused, and nothing is taken',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      const attachment = await world.attachment(network(world), { args: 'IP=172.16.0.9' })
      expectError(await attachment.add())
      expectEqual('address files', leases(world), [])
    },
  },
  {
    id: 'host-local.request.malformed',
    title: 'what is no address is refused',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      const attachment = await world.attachment(network(world), { args: 'IP=10.22.0.300' })
      expectError(await attachment.add())
    },
  },
  {
    id: 'host-local.request.ranges',
    title: 'ranges of the capability ipRanges are used',
    source: 'CNI conventions, "ipRanges"',
    needs: NEEDS,
    async run(world) {
      const ipam = hostLocal(world, { ranges: undefined })
      const attachment = await world.attach(
        addressNetwork(world, ipam, { capabilities: { ipRanges: true } }),
        {
          capabilityArgs: { ipRanges: [range('10.44.0.0/24')] },
        },
      )
      expectEqual('address', attachment.address, '10.44.0.2')
    },
  },
  {
    id: 'host-local.request.undeclared',
    title:
      'runtimeConfig is honoured only as far as the runtime gives it: an undeclared capability is not passed',
    source: SPEC.derive,
    needs: NEEDS,
    async run(world) {
      const attachment = await world.attach(network(world), { capabilityArgs: { ips: ['10.22.0.77'] } })
      expectEqual('address', attachment.address, '10.22.0.2')
    },
  },
]

/** Configurations of ranges that cannot be meant. */
const BAD_RANGES: readonly {
  readonly id: string
  readonly what: string
  readonly ipam: Readonly<Record<string, unknown>>
}[] = [
  { id: 'none', what: 'no ranges', ipam: { ranges: undefined } },
  { id: 'empty-set', what: 'a set without a range', ipam: { ranges: [[]] } },
  { id: 'no-prefix', what: 'a subnet without a prefix length', ipam: { ranges: [range('10.22.0.0')] } },
  { id: 'long-prefix', what: 'a prefix length above 32', ipam: { ranges: [range('10.22.0.0/33')] } },
  { id: 'host-bits', what: 'a subnet with host bits', ipam: { ranges: [range('10.22.0.7/24')] } },
  { id: 'one-address', what: 'a subnet of one address', ipam: { ranges: [range('10.22.0.0/32')] } },
  {
    id: 'start-outside',
    what: 'a rangeStart outside of the subnet',
    ipam: { ranges: [range(SUBNET.ipv4, { rangeStart: '10.23.0.5' })] },
  },
  {
    id: 'end-outside',
    what: 'a rangeEnd outside of the subnet',
    ipam: { ranges: [range(SUBNET.ipv4, { rangeEnd: '10.23.0.5' })] },
  },
  {
    id: 'backwards',
    what: 'a rangeEnd before the rangeStart',
    ipam: { ranges: [range(SUBNET.ipv4, { rangeStart: '10.22.0.9', rangeEnd: '10.22.0.5' })] },
  },
  {
    id: 'overlap',
    what: 'two sets that overlap',
    ipam: { ranges: [range('10.22.0.0/24'), range('10.22.0.128/25')] },
  },
  {
    id: 'overlap-in-set',
    what: 'two ranges of a set that overlap',
    ipam: { ranges: [[...range('10.22.0.0/24'), ...range('10.22.0.128/25')]] },
  },
  {
    id: 'mixed-set',
    what: 'both families in one set',
    ipam: { ranges: [[...range(SUBNET.ipv4), ...range(SUBNET.ipv6)]] },
  },
  {
    id: 'bad-gateway',
    what: 'a gateway that is no address',
    ipam: { ranges: [range(SUBNET.ipv4, { gateway: '10.22.0' })] },
  },
]

const refusals: readonly ConformanceCase[] = BAD_RANGES.map(({ id, what, ipam }) => ({
  id: `host-local.ranges.${id}`,
  title: `${what}: refused`,
  source: DOCS,
  needs: NEEDS,
  async run(world: World) {
    const attachment = await world.attachment(network(world, ipam))
    expectError(await attachment.add())
  },
}))

const life: readonly ConformanceCase[] = [
  {
    id: 'host-local.del.without-namespace',
    title: 'DEL without CNI_NETNS gives the address back',
    source: SPEC.del,
    needs: NEEDS,
    async run(world) {
      const attachment = await world.attach(network(world))
      const { containerId, ifname } = attachment.options
      const [plugin] = attachment.network.plugins
      const config = { ...plugin, name: attachment.network.name, cniVersion: world.version }
      const env = { CNI_CONTAINERID: containerId, CNI_IFNAME: ifname, CNI_NETNS: '' }
      expectSuccess(await world.call({ verb: 'DEL', type: 'host-local', config, env }))
      expectEqual('address files', leases(world), [])
    },
  },
  {
    id: 'host-local.del.twice',
    title: 'DEL twice: both succeed',
    source: `${SPEC.del}: "idempotent"`,
    needs: NEEDS,
    async run(world) {
      const attachment = await world.attach(network(world))
      await attachment.mustDel()
      await attachment.mustDel()
    },
  },
  {
    id: 'host-local.del.nothing',
    title: 'DEL of what was never added succeeds, also in a data folder that is not there',
    source: SPEC.del,
    needs: NEEDS,
    async run(world) {
      const dataDir = join(world.dataDir, 'not', 'yet')
      const attachment = await world.attachment(network(world, { dataDir }))
      await attachment.mustDel()
    },
  },
  {
    id: 'host-local.del.other-container',
    title: 'DEL of one container leaves the address of one whose id begins with the same letters',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      const pod = await world.pod()
      const short = await world.attach(network(world), { pod, containerId: `${world.name}x` })
      await world.attach(network(world), { pod, containerId: `${world.name}x1` })
      await short.mustDel()
      expectEqual('address files', leases(world), ['10.22.0.3'])
    },
  },
  {
    id: 'host-local.check.whole',
    title: 'CHECK of a held address succeeds',
    source: SPEC.check,
    needs: NEEDS,
    async run(world) {
      const attachment = await world.attach(network(world))
      await attachment.mustCheck()
    },
  },
  {
    id: 'host-local.check.deleted',
    title: 'CHECK after DEL is an error',
    source: SPEC.check,
    needs: NEEDS,
    async run(world) {
      const attachment = await world.attach(network(world))
      await attachment.mustDel()
      expectError(await attachment.check())
    },
  },
]

const disk: readonly ConformanceCase[] = [
  {
    id: 'host-local.disk.file',
    title: 'an address is a file of its name that holds container id, CR LF, interface: other tools read it',
    source: `${DOCS}, format of the data folder`,
    needs: NEEDS,
    async run(world) {
      const { options } = await world.attach(network(world))
      const text = readFileSync(join(world.dataDir, `${world.name}net`, '10.22.0.2'), 'utf8')
      expectEqual('content', text, `${options.containerId}\r\neth0`)
    },
  },
  {
    id: 'host-local.disk.foreign-file',
    title: 'an address that another tool holds by its file is not given away',
    source: `${DOCS}, format of the data folder`,
    needs: NEEDS,
    async run(world) {
      world.leaseFolder({ '10.22.0.2': 'somebody\r\neth0' })
      const { address } = await world.attach(network(world))
      expectEqual('address', address, '10.22.0.3')
    },
  },
  {
    id: 'host-local.disk.last-reserved',
    title: 'last_reserved_ip.0 of an earlier plugin says where the search begins',
    source: `${DOCS}, format of the data folder`,
    needs: NEEDS,
    async run(world) {
      world.leaseFolder({ 'last_reserved_ip.0': '10.22.0.40' })
      const { address } = await world.attach(network(world))
      expectEqual('address', address, '10.22.0.41')
    },
  },
  {
    id: 'host-local.disk.empty-file',
    title: 'an address file that a crash left empty does not hold the address for ever',
    source: issue('plugins', 498),
    needs: NEEDS,
    async run(world) {
      world.leaseFolder({ '10.22.0.2': '' })
      const { address } = await world.attach(network(world, { ranges: [range('10.22.0.0/30')] }))
      expectEqual('address', address, '10.22.0.2')
    },
  },
  {
    id: 'host-local.disk.foreign-content',
    title: 'a file of another kind in the data folder is no obstacle and stays',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      const folder = world.leaseFolder({ README: 'not an address\n' })
      const attachment = await world.attach(network(world))
      await attachment.mustDel()
      expectIncludes('files', readdirSync(folder), 'README')
    },
  },
]

const concurrency: readonly ConformanceCase[] = [
  {
    id: 'host-local.concurrency.unique',
    title: 'eight ADDs at once: eight different addresses',
    source: `${DOCS}: "the lock"`,
    needs: NEEDS,
    async run(world) {
      const pod = await world.pod()
      const attachments: Attachment[] = []
      for (let index = 0; index < 8; index += 1)
        attachments.push(await world.attachment(network(world), { pod }))
      for (const reply of await Promise.all(attachments.map(one => one.add()))) expectSuccess(reply)
      const unique = new Set(attachments.map(({ address }) => address))
      expectEqual('different addresses', unique.size, 8)
      for (const reply of await Promise.all(attachments.map(one => one.del()))) expectSuccess(reply)
      expectEqual('address files', leases(world), [])
    },
  },
  {
    id: 'host-local.concurrency.same-container',
    title: 'two ADDs at once for one container and interface: one succeeds, one address is held',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      const first = await world.attachment(network(world))
      const second = await world.attachment(network(world), first.options)
      const replies = await Promise.all([first.add(), second.add()])
      expectEqual('successes', replies.filter(({ succeeded }) => succeeded).length, 1)
      expectEqual('address files', leases(world).length, 1)
    },
  },
  {
    id: 'host-local.concurrency.last-address',
    title: 'four ADDs at once for the last two addresses: two succeed',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      const ranges = [range(SUBNET.ipv4, { rangeStart: '10.22.0.5', rangeEnd: '10.22.0.6' })]
      const pod = await world.pod()
      const attachments: Attachment[] = []
      for (let index = 0; index < 4; index += 1)
        attachments.push(await world.attachment(network(world, { ranges }), { pod }))
      const replies = await Promise.all(attachments.map(one => one.add()))
      expectEqual('successes', replies.filter(({ succeeded }) => succeeded).length, 2)
      for (const reply of replies.filter(({ succeeded }) => !succeeded)) expectError(reply)
    },
  },
]

const SPEAKS: Needs = { ...NEEDS, speaks: '1.1.0' }
const SMALL = { ranges: [range('10.22.0.0/30')] }

const upkeep: readonly ConformanceCase[] = [
  {
    id: 'host-local.gc.stale',
    title: 'GC gives back the addresses of attachments that are not listed, and keeps the others',
    source: `${SPEC.gc}, ${issue('plugins', 1047)}`,
    needs: SPEAKS,
    async run(world) {
      const pod = await world.pod()
      const stays = await world.attach(network(world), { pod })
      await world.attach(network(world), { pod })
      await world.collectGarbage(network(world), [stays])
      expectEqual('address files', leases(world), ['10.22.0.2'])
      await stays.mustCheck()
    },
  },
  {
    id: 'host-local.gc.interface',
    title: 'GC tells interfaces of one container apart',
    source: SPEC.gc,
    needs: SPEAKS,
    async run(world) {
      const pod = await world.pod()
      const stays = await world.attach(network(world), { pod, containerId: world.name, ifname: 'eth1' })
      await world.attach(network(world), { pod, containerId: world.name })
      await world.collectGarbage(network(world), [stays])
      expectEqual('address files', leases(world), ['10.22.0.2'])
    },
  },
  {
    id: 'host-local.gc.other-network',
    title: 'GC of one network does not touch another one in the same data folder',
    source: SPEC.gc,
    needs: SPEAKS,
    async run(world) {
      await world.attach(network(world))
      await world.collectGarbage({ ...network(world), name: `${world.name}other` }, [])
      expectEqual('address files', leases(world), ['10.22.0.2'])
    },
  },
  {
    id: 'host-local.status.healthy',
    title: 'STATUS succeeds while there are addresses',
    source: SPEC.status,
    needs: SPEAKS,
    async run(world) {
      expectSuccess(await world.status(network(world)))
    },
  },
  {
    id: 'host-local.status.exhausted',
    title: 'STATUS is 50 or 51 while there is no address left, and succeeds again when one is given back',
    source: `${SPEC.status}, ${issue('plugins', 1013)}`,
    needs: SPEAKS,
    async run(world) {
      const attachment = await world.attach(network(world, SMALL))
      expectError(await world.status(network(world, SMALL)), { codes: [50, 51] })
      await attachment.mustDel()
      const reply = await world.status(network(world, SMALL))
      expectThat('STATUS after DEL', reply.succeeded, 'success', reply.outcome)
    },
  },
]

export const hostLocalCases: readonly ConformanceCase[] = [
  ...allocation,
  ...requests,
  ...refusals,
  ...life,
  ...disk,
  ...concurrency,
  ...upkeep,
]
