import type { PluginConfig } from '../../attachment.ts'
import type { ConformanceCase, Needs } from '../../case.ts'
import { bridge, GATEWAY, hostLocal, SPEC } from '../../configs.ts'
import { expectDefined, expectEqual, expectError } from '../../expect.ts'
import { type ObservedRoute, observeRoutes } from '../../observe.ts'
import type { Pod } from '../../pod.ts'
import type { World } from '../../world.ts'

const NEEDS: Needs = { plugins: ['bridge', 'host-local'], kernel: ['bridge', 'veth'], speaks: '1.1.0' }
const SOURCE = `${SPEC.result} "routes"`
const DST = '10.99.0.0/16'

type Settings = Readonly<Record<string, number>>
/** Of a route as `ip -j route` shows it. */
type Seen = Readonly<Record<string, unknown>>

/** What a route can be told since 1.1.0, and how the kernel's route shows it. */
const SETTINGS: readonly { readonly id: string; readonly settings: Settings; readonly seen: Seen }[] = [
  { id: 'mtu', settings: { mtu: 1300 }, seen: { metrics: [{ mtu: 1300 }] } },
  { id: 'advmss', settings: { advmss: 1200 }, seen: { metrics: [{ advmss: 1200 }] } },
  { id: 'priority', settings: { priority: 77 }, seen: { metric: 77 } },
  { id: 'table', settings: { table: 177 }, seen: { table: '177' } },
  { id: 'scope', settings: { scope: 0 }, seen: { scope: undefined } },
  { id: 'scope-link', settings: { scope: 253 }, seen: { scope: 'link', gateway: undefined } },
  {
    id: 'all',
    settings: { mtu: 1300, advmss: 1200, priority: 77, table: 177, scope: 200 },
    seen: { metrics: [{ mtu: 1300, advmss: 1200 }], metric: 77, table: '177', scope: 'site' },
  },
]

function managed(ipam: PluginConfig, world: World) {
  return world.network(bridge(world, { ipam }))
}

function fromHostLocal(world: World, settings: Settings) {
  return managed(hostLocal(world, { routes: [{ dst: DST, ...settings }] }), world)
}

function fromStatic(world: World, settings: Settings) {
  const addresses = [{ address: '10.22.0.9/24', gateway: GATEWAY.ipv4 }]
  return managed({ type: 'static', addresses, routes: [{ dst: DST, ...settings }] }, world)
}

async function routeIn(pod: Pod): Promise<ObservedRoute> {
  const routes = await observeRoutes(pod, 4)
  return expectDefined(
    `route to ${DST}`,
    routes.find(({ dst }) => dst === DST),
  )
}

/** Those fields of a route that are of interest. */
function fieldsOf(route: ObservedRoute, { seen }: (typeof SETTINGS)[number]): Seen {
  return Object.fromEntries(Object.keys(seen).map(key => [key, route[key]]))
}

/** Takes the route's place with another; CHECK has to tell. */
const CHANGES: readonly { readonly id: string; readonly settings: Settings; readonly other: string }[] = [
  { id: 'mtu', settings: { mtu: 1300 }, other: `${DST} via ${GATEWAY.ipv4} mtu 1280` },
  { id: 'advmss', settings: { advmss: 1200 }, other: `${DST} via ${GATEWAY.ipv4} advmss 1100` },
  { id: 'scope', settings: { scope: 253 }, other: `${DST} via ${GATEWAY.ipv4}` },
]

export const bridgeRouteSettingCases: readonly ConformanceCase[] = [
  ...SETTINGS.map(one => ({
    id: `bridge.route.${one.id}`,
    title: `a route with ${Object.keys(one.settings).join(', ')}: so is it in the container and in the result; CHECK succeeds`,
    source: SOURCE,
    needs: NEEDS,
    async run(world: World) {
      const attachment = await world.attach(fromHostLocal(world, one.settings))
      expectEqual('fields of the route', fieldsOf(await routeIn(attachment.pod), one), one.seen)
      expectEqual('routes of the result', attachment.result.routes, [{ dst: DST, ...one.settings }])
      await attachment.mustCheck()
    },
  })),
  {
    id: 'bridge.route.static',
    title: 'the same of a route of the address management static',
    source: SOURCE,
    needs: { ...NEEDS, plugins: ['bridge', 'static'] },
    async run(world) {
      const settings = { mtu: 1300, advmss: 1200, priority: 77, table: 177 }
      const attachment = await world.attach(fromStatic(world, settings))
      const { metrics, metric, table } = await routeIn(attachment.pod)
      expectEqual(
        'fields of the route',
        { metrics, metric, table },
        { metrics: [{ mtu: 1300, advmss: 1200 }], metric: 77, table: '177' },
      )
      expectEqual('routes of the result', attachment.result.routes, [{ dst: DST, ...settings }])
      await attachment.mustCheck()
    },
  },
  ...CHANGES.map(({ id, settings, other }) => ({
    id: `bridge.route.check-${id}`,
    title: `CHECK notices that a route has another ${id}`,
    source: SPEC.check,
    needs: NEEDS,
    async run(world: World) {
      const attachment = await world.attach(fromHostLocal(world, settings))
      await attachment.mustCheck()
      await attachment.pod.ip(`route replace ${other}`)
      expectError(await attachment.check())
    },
  })),
]
