import type { PluginConfig } from '../attachment.ts'
import type { ConformanceCase, Needs } from '../case.ts'
import { documentation } from '../configs.ts'
import { expectEqual, expectError } from '../expect.ts'
import type { World } from '../world.ts'
import { addressNetwork } from './host-local/network.ts'
import { checksWhole, deletesTwice, type LifeSubject } from './life.ts'

const NEEDS: Needs = { plugins: ['static'] }
const DOCS = documentation('static')

function ipam(extra: Readonly<Record<string, unknown>> = {}): PluginConfig {
  return { type: 'static', addresses: [{ address: '10.22.0.5/24', gateway: '10.22.0.1' }], ...extra }
}

/** The four places where an address can come from, weakest first. */
const SOURCES: readonly {
  readonly id: string
  readonly what: string
  readonly attach: (world: World, address: string) => ReturnType<World['attachment']>
}[] = [
  {
    id: 'file',
    what: 'the configuration',
    attach: (world, address) => world.attachment(addressNetwork(world, ipam({ addresses: [{ address }] }))),
  },
  {
    id: 'cni-args',
    what: 'IP in CNI_ARGS',
    attach: (world, address) =>
      world.attachment(addressNetwork(world, { type: 'static' }), { args: `IP=${address}` }),
  },
  {
    id: 'args',
    what: 'args.cni.ips',
    attach: (world, address) =>
      world.attachment(addressNetwork(world, ipam(), { args: { cni: { ips: [address] } } }), {
        args: 'IP=10.22.0.91/24',
      }),
  },
  {
    id: 'capability',
    what: 'the capability ips',
    attach: (world, address) =>
      world.attachment(
        addressNetwork(world, ipam(), {
          capabilities: { ips: true },
          args: { cni: { ips: ['10.22.0.92/24'] } },
        }),
        { args: 'IP=10.22.0.91/24', capabilityArgs: { ips: [address] } },
      ),
  },
]

const LIFE: LifeSubject = {
  type: 'static',
  needs: NEEDS,
  attach: world => world.attach(addressNetwork(world, ipam())),
}

export const staticCases: readonly ConformanceCase[] = [
  ...SOURCES.map(({ id, what, attach }) => ({
    id: `static.add.from-${id}`,
    title: `the address of ${what} is given`,
    source: DOCS,
    needs: NEEDS,
    async run(world: World) {
      const attachment = await attach(world, '10.22.0.77/24')
      await attachment.mustAdd()
      expectEqual(
        'addresses',
        attachment.result.ips.map(({ address }) => address),
        ['10.22.0.77/24'],
      )
    },
  })),
  ...SOURCES.map(({ id, what, attach }) => ({
    id: `static.add.malformed-${id}`,
    title: `what is no address with a prefix length in ${what} is refused`,
    source: DOCS,
    needs: NEEDS,
    async run(world: World) {
      expectError(await (await attach(world, '10.22.0.300/24')).add())
    },
  })),
  {
    id: 'static.add.gateway-and-routes',
    title: 'gateway, routes and dns of the configuration stand in the result',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      const routes = [{ dst: '0.0.0.0/0' }, { dst: '10.9.0.0/16', gw: '10.22.0.9' }]
      const dns = { nameservers: ['10.1.0.1'], domain: 'example.org' }
      const { result } = await world.attach(addressNetwork(world, ipam({ routes, dns })))
      expectEqual('gateway', result.ips[0]?.gateway, '10.22.0.1')
      expectEqual(
        'routes',
        result.routes.map(({ dst, gw = '' }) => [dst, gw]),
        [
          ['0.0.0.0/0', ''],
          ['10.9.0.0/16', '10.22.0.9'],
        ],
      )
      expectEqual('nameservers', result.dns.nameservers, ['10.1.0.1'])
    },
  },
  {
    id: 'static.add.dual-stack',
    title: 'an address of each family',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      const addresses = [{ address: '10.22.0.5/24' }, { address: 'fd00:22::5/64', gateway: 'fd00:22::1' }]
      const { result } = await world.attach(addressNetwork(world, ipam({ addresses })))
      expectEqual(
        'addresses',
        result.ips.map(({ address }) => address),
        ['10.22.0.5/24', 'fd00:22::5/64'],
      )
    },
  },
  {
    id: 'static.add.args-gateway',
    title: 'GATEWAY in CNI_ARGS is the gateway of IP',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      const network = addressNetwork(world, { type: 'static' })
      const { result } = await world.attach(network, { args: 'IP=10.22.0.77/24;GATEWAY=10.22.0.9' })
      expectEqual('gateway', result.ips[0]?.gateway, '10.22.0.9')
    },
  },
  deletesTwice(LIFE),
  checksWhole(LIFE),
]
