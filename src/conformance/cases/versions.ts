import * as v from 'valibot'
import type { ConformanceCase, Needs } from '../case.ts'
import { bridge, dualStack, SPEC } from '../configs.ts'
import { expectEqual, expectError, expectThat } from '../expect.ts'
import { SPEC_VERSIONS, type SpecVersion } from '../versions.ts'
import type { World } from '../world.ts'

const NEEDS: Needs = { plugins: ['bridge', 'host-local'], kernel: ['bridge', 'veth', 'ipv6'] }

/** Results up to 0.2.0. */
const oldResult = v.looseObject({
  cniVersion: v.optional(v.string()),
  ip4: v.looseObject({
    ip: v.string(),
    gateway: v.string(),
    routes: v.array(v.looseObject({ dst: v.string() })),
  }),
  ip6: v.looseObject({ ip: v.string(), gateway: v.string() }),
})

function attach(world: World, version: string | undefined) {
  const network = { ...world.network(bridge(world, { ipam: dualStack(world) })), cniVersion: version ?? '' }
  return world.attachment(network)
}

async function resultOf(world: World, version: SpecVersion): Promise<unknown> {
  const attachment = await attach(world, version)
  const reply = await attachment.add()
  expectThat(`ADD in version ${version}`, reply.succeeded, 'success', reply.outcome)
  return reply.json()
}

function expectOldResult(result: unknown): void {
  const parsed = v.safeParse(oldResult, result)
  expectThat('the result', parsed.success, '{ip4: {ip, gateway, routes}, ip6: {ip, gateway}}', result)
  if (!parsed.success) return
  const { ip4, ip6 } = parsed.output
  expectEqual('ip4', [ip4.ip, ip4.gateway, ip4.routes[0]?.dst], ['10.22.0.2/24', '10.22.0.1', '0.0.0.0/0'])
  expectEqual('ip6', [ip6.ip, ip6.gateway], ['fd00:22::2/64', 'fd00:22::1'])
}

/** Results from 0.3.0 on: lists; each address says its family up to 0.4.0. */
const listResult = v.looseObject({
  cniVersion: v.string(),
  interfaces: v.pipe(v.array(v.looseObject({ name: v.string() })), v.minLength(1)),
  ips: v.array(
    v.looseObject({ address: v.string(), version: v.optional(v.string()), interface: v.number() }),
  ),
})

function expectListResult(version: SpecVersion, result: unknown): void {
  const parsed = v.safeParse(listResult, result)
  expectThat(
    'the result',
    parsed.success,
    '{cniVersion, interfaces: [...], ips: [{address, interface}]}',
    result,
  )
  if (!parsed.success) return
  expectEqual('cniVersion', parsed.output.cniVersion, version)
  const families = parsed.output.ips.map(ip => ip.version)
  const wanted = version < '1.0.0' ? ['4', '6'] : [undefined, undefined]
  expectEqual('version of each address', families, wanted)
  const before = ['mtu', 'socketPath', 'pciID'].filter(key =>
    parsed.output.interfaces.some(one => key in one),
  )
  if (version < '1.1.0') expectEqual('fields of interfaces that came with 1.1.0', before, [])
}

/** Versions before results were lists. */
const OLD: ReadonlySet<SpecVersion> = new Set(['0.1.0', '0.2.0'])

export const versionCases: readonly ConformanceCase[] = [
  ...SPEC_VERSIONS.map(version => ({
    id: `bridge.versions.result-${version}`,
    title: `a configuration of ${version} is answered with a result of ${version}`,
    source: `SPEC ${version} "Result"`,
    needs: { ...NEEDS, speaks: version },
    async run(world: World) {
      const result = await resultOf(world, version)
      if (OLD.has(version)) expectOldResult(result)
      else expectListResult(version, result)
    },
  })),
  {
    id: 'bridge.versions.none',
    title: 'a configuration without cniVersion is of the first versions',
    source: 'CNI spec-upgrades: "0.2.0 or earlier"',
    needs: { ...NEEDS, speaks: '0.2.0' },
    async run(world) {
      const attachment = await attach(world, '')
      const { options, network } = attachment
      const { cniVersion: _, ...config } = { ...network.plugins[0], name: network.name, cniVersion: '' }
      const env = {
        CNI_CONTAINERID: options.containerId,
        CNI_IFNAME: options.ifname,
        CNI_NETNS: options.pod.path,
      }
      const reply = await world.call({ verb: 'ADD', type: 'bridge', config, env })
      expectThat('ADD', reply.succeeded, 'success', reply.outcome)
      expectOldResult(reply.json())
      await world.call({ verb: 'DEL', type: 'bridge', config, env })
      attachment.deleted = true
    },
  },
  ...SPEC_VERSIONS.filter(version => version >= '0.4.0').map(version => ({
    id: `bridge.versions.check-${version}`,
    title: `CHECK takes a prevResult of ${version}`,
    source: SPEC.check,
    needs: { ...NEEDS, speaks: version },
    async run(world: World) {
      const attachment = await attach(world, version)
      await attachment.mustAdd()
      await attachment.mustCheck()
    },
  })),
  ...(SPEC_VERSIONS.filter(version => version >= '0.3.0').map(version => ({
    id: `tuning.versions.chain-${version}`,
    title: `in a chain of ${version} the previous result is passed on as it was`,
    source: SPEC.derive,
    needs: {
      plugins: ['bridge', 'host-local', 'tuning'],
      speaks: version,
      kernel: ['bridge', 'veth', 'ipv6'],
    },
    async run(world: World) {
      const plugins = [bridge(world, { ipam: dualStack(world) }), { type: 'tuning' }]
      const network = { ...world.network(...plugins), cniVersion: version }
      const attachment = await world.attachment(network)
      const reply = await attachment.add()
      expectThat('ADD', reply.succeeded, 'success', reply.outcome)
      expectListResult(version, reply.json())
    },
  })) satisfies readonly ConformanceCase[]),
  ...(
    [
      { verb: 'CHECK', version: '0.3.1', since: '0.4.0' },
      { verb: 'GC', version: '1.0.0', since: '1.1.0' },
      { verb: 'STATUS', version: '1.0.0', since: '1.1.0' },
    ] as const
  ).map(({ verb, version, since }) => ({
    id: `bridge.versions.no-${verb.toLowerCase()}`,
    title: `${verb} with a configuration of ${version} is an error: it came with ${since}`,
    source: `SPEC ${since}`,
    needs: { ...NEEDS, speaks: version },
    async run(world: World) {
      const pod = await world.pod()
      const config = { ...bridge(world), name: `${world.name}net`, cniVersion: version }
      const env = { CNI_CONTAINERID: world.name, CNI_IFNAME: 'eth0', CNI_NETNS: pod.path }
      expectError(await world.call({ verb, type: 'bridge', config, env }), { codes: [1, 4] })
    },
  })),
]
