import type { PluginConfig } from '../attachment.ts'
import type { ConformanceCase, Needs } from '../case.ts'
import { bridge, SPEC } from '../configs.ts'
import { expectEqual, expectError } from '../expect.ts'
import { observeQdiscs } from '../observe.ts'
import type { World } from '../world.ts'
import { expectNoLink, hostEnd } from './links.ts'

const NEEDS: Needs = { plugins: ['bridge', 'host-local', 'tuning'], kernel: ['bridge', 'veth'] }
const SHAPING: Needs = {
  plugins: ['bridge', 'host-local', 'bandwidth'],
  kernel: ['bridge', 'veth', 'tbf', 'ifb'],
}
const SOURCE = 'SPEC 1.1.0 section 3 "Attaching an individual network": for each configuration of the list'

const TTL: PluginConfig = { type: 'tuning', sysctl: { 'net.ipv4.ip_default_ttl': '77' } }
const BACKLOG: PluginConfig = { type: 'tuning', sysctl: { 'net.core.somaxconn': '777' } }

const tuned = (world: World, ...plugins: readonly PluginConfig[]) => world.network(bridge(world), ...plugins)

function shaped(world: World) {
  return world.network(
    bridge(world),
    { type: 'bandwidth', ingressRate: 8_000_000, ingressBurst: 800_000 },
    { type: 'bandwidth', egressRate: 8_000_000, egressBurst: 800_000 },
  )
}

/** One type of plugin twice in a list. */
export const sameTypeCases: readonly ConformanceCase[] = [
  {
    id: 'chain.twice.add',
    title: 'one type twice in a list: both do their part, and CHECK succeeds',
    source: SOURCE,
    needs: NEEDS,
    async run(world) {
      const attachment = await world.attach(tuned(world, TTL, BACKLOG))
      const { pod } = attachment
      expectEqual('net.ipv4.ip_default_ttl', await pod.sysctl('net/ipv4/ip_default_ttl'), '77')
      expectEqual('net.core.somaxconn', await pod.sysctl('net/core/somaxconn'), '777')
      await attachment.mustCheck()
    },
  },
  ...(
    [
      ['first', 'net/ipv4/ip_default_ttl'],
      ['second', 'net/core/somaxconn'],
    ] as const
  ).map(([which, path]) => ({
    id: `chain.twice.check-${which}`,
    title: `one type twice in a list: CHECK notices what is missing of the ${which}`,
    source: SPEC.check,
    needs: NEEDS,
    async run(world: World) {
      const attachment = await world.attach(tuned(world, TTL, BACKLOG))
      await attachment.pod.setSysctl(path, '99')
      expectError(await attachment.check())
    },
  })),
  {
    id: 'chain.twice.del',
    title: 'one type twice in a list: DEL succeeds, twice, and ADD after it',
    source: SPEC.del,
    needs: NEEDS,
    async run(world) {
      const attachment = await world.attach(tuned(world, TTL, BACKLOG))
      await attachment.mustDel()
      await expectNoLink('eth0 in the container', attachment.pod, 'eth0')
      await attachment.mustDel()
      await attachment.mustAdd()
      await attachment.mustCheck()
    },
  },
  {
    id: 'chain.twice.same',
    title: 'one plugin twice in a list, word by word: ADD, CHECK and DEL succeed',
    source: SOURCE,
    needs: NEEDS,
    async run(world) {
      const attachment = await world.attach(tuned(world, TTL, TTL))
      await attachment.mustCheck()
      await attachment.mustDel()
    },
  },
  {
    id: 'chain.twice.traffic',
    title: 'bandwidth for each direction on its own: both buckets are there, and DEL leaves none',
    source: SOURCE,
    needs: SHAPING,
    async run(world) {
      const attachment = await world.attach(shaped(world))
      const { ifname } = await hostEnd(world, attachment)
      const kinds = (await observeQdiscs(world.host.network, ifname)).map(({ kind }) => kind)
      expectEqual('queueing of the host end', kinds.toSorted(), ['ingress', 'tbf'])
      await attachment.mustCheck()
      await attachment.mustDel()
    },
  },
  {
    id: 'chain.twice.gc',
    title: 'one type twice in a list: GC takes all of a stale attachment away',
    source: SPEC.gc,
    needs: { ...SHAPING, speaks: '1.1.0' },
    async run(world) {
      const attachment = await world.attach(shaped(world))
      await attachment.pod.remove()
      await world.collectGarbage(shaped(world), [])
      attachment.deleted = true
    },
  },
]
