import type { ConformanceCase, Needs } from '../../case.ts'
import { bridge, documentation } from '../../configs.ts'
import { expectEqual, expectError } from '../../expect.ts'
import { observeLink } from '../../observe.ts'
import type { AttachOptions, World } from '../../world.ts'

const NEEDS: Needs = { plugins: ['bridge', 'host-local'], kernel: ['bridge', 'veth'] }
const DOCS = documentation('bridge')

type Extra = Readonly<Record<string, unknown>>

/** The ways to ask for a MAC address, weakest first; each case has the weaker ones against it. */
const MACS: readonly {
  readonly id: string
  readonly what: string
  readonly extra: Extra
  readonly options: AttachOptions
}[] = [
  {
    id: 'cni-args',
    what: 'MAC in CNI_ARGS',
    extra: {},
    options: { args: 'IgnoreUnknown=1;MAC=02:00:00:00:00:0a' },
  },
  {
    id: 'args',
    what: 'args.cni.mac',
    extra: { args: { cni: { mac: '02:00:00:00:00:0a' } } },
    options: { args: 'IgnoreUnknown=1;MAC=02:00:00:00:00:0b' },
  },
  {
    id: 'capability',
    what: 'the capability mac',
    extra: { args: { cni: { mac: '02:00:00:00:00:0c' } }, capabilities: { mac: true } },
    options: { args: 'IgnoreUnknown=1;MAC=02:00:00:00:00:0b', capabilityArgs: { mac: '02:00:00:00:00:0a' } },
  },
]

/** MAC addresses that are asked for. */
export const bridgeMacCases: readonly ConformanceCase[] = [
  ...MACS.map(({ id, what, extra, options }) => ({
    id: `bridge.mac.${id}`,
    title: `${what} is used, before weaker places; interface and result have it`,
    source: `${DOCS}, CNI conventions "mac"`,
    needs: NEEDS,
    async run(world: World) {
      const { pod, result } = await world.attach(world.network(bridge(world, extra)), options)
      expectEqual('MAC of eth0', (await observeLink(pod, 'eth0'))?.address, '02:00:00:00:00:0a')
      expectEqual('MAC in the result', result.interfaces[2]?.mac, '02:00:00:00:00:0a')
    },
  })),
  {
    id: 'bridge.mac.malformed',
    title: 'a MAC address that is none is an error',
    source: DOCS,
    needs: NEEDS,
    async run(world) {
      const network = world.network(bridge(world, { capabilities: { mac: true } }))
      const attachment = await world.attachment(network, { capabilityArgs: { mac: 'no mac' } })
      expectError(await attachment.add())
    },
  },
]
