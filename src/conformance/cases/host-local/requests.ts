import type { ConformanceCase, Needs } from '../../case.ts'
import { documentation, hostLocal, range, SPEC } from '../../configs.ts'
import { expectEqual, expectError } from '../../expect.ts'
import type { World } from '../../world.ts'
import { addressNetwork, leases, network } from './network.ts'

const NEEDS: Needs = { plugins: ['host-local'] }
const DOCS = documentation('host-local')

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

/** Addresses that the runtime asks for. */
export const hostLocalRequestCases: readonly ConformanceCase[] = [
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
