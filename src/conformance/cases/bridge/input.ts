import type { ConformanceCase, Needs } from '../../case.ts'
import { SPEC } from '../../configs.ts'
import { expectEqual, expectError, expectSuccess } from '../../expect.ts'
import { observeLinks } from '../../observe.ts'
import type { World } from '../../world.ts'
import { type Row } from './malformed.ts'
import { expectNothing, soundCall } from './sound-call.ts'

/** The plugin that most have stands for the others: what is asked here belongs to the protocol. */
const NEEDS: Needs = { plugins: ['bridge', 'host-local'], kernel: ['bridge', 'veth'] }

/** What must be taken although it looks odd. */
const accepted: readonly {
  readonly id: string
  readonly title: string
  readonly source: string
  readonly call: Row['call']
}[] = [
  {
    id: 'container-id-long',
    title: 'a container id of 200 letters, digits, dots, dashes and underscores works',
    source: SPEC.parameters,
    call: () => ({ env: { CNI_CONTAINERID: `A0_.-${'x'.repeat(195)}` } }),
  },
  {
    id: 'ifname-longest',
    title: 'an interface name of 15 characters works',
    source: SPEC.parameters,
    call: () => ({ env: { CNI_IFNAME: 'abcdefghijklmno' } }),
  },
  {
    id: 'unknown-key',
    title: 'keys that the plugin does not know are no obstacle',
    source: `${SPEC.configuration}: "Plugins may define additional fields"`,
    call: ({ config }) => ({ config: { ...config, 'example.org/note': { a: [1, null] } } }),
  },
  {
    id: 'large',
    title: 'a configuration of 300 kB works',
    source: 'this suite: no limit is specified',
    call: ({ config }) => ({ config: { ...config, note: 'x'.repeat(300_000) } }),
  },
  {
    id: 'white-space',
    title: 'white space around the configuration works',
    source: 'RFC 8259 section 2',
    call: ({ config }) => ({ config: `\n\t ${JSON.stringify(config, undefined, 4)} \r\n` }),
  },
  {
    id: 'escapes',
    title: 'letters written as \\u escapes work',
    source: 'RFC 8259 section 7',
    call: ({ config }) => ({
      config: JSON.stringify(config).replace('"type":"bridge"', '"type":"\\u0062ridge"'),
    }),
  },
  {
    id: 'duplicate-key',
    title: 'of a key that stands twice the last one counts, as in every JSON reader in use',
    source: 'RFC 8259 section 4 leaves it open; ECMA-404',
    call: ({ config }) => ({ config: JSON.stringify(config).replace('{', '{"mtu":99999999,"mtu":0,') }),
  },
  {
    id: 'args-ignore-unknown',
    title: 'unknown CNI_ARGS pass with IgnoreUnknown=1',
    source: 'containernetworking/cni conventions, "CNI_ARGS"',
    call: () => ({ env: { CNI_ARGS: 'IgnoreUnknown=1;K8S_POD_NAME=a;FOO=bar' } }),
  },
  {
    id: 'args-empty',
    title: 'empty CNI_ARGS are none',
    source: SPEC.parameters,
    call: () => ({ env: { CNI_ARGS: '' } }),
  },
]

const prototype: ConformanceCase = {
  id: 'bridge.input.prototype',
  title: 'keys such as __proto__ and constructor are refused, or mean nothing',
  source: 'this suite: hostile input',
  needs: NEEDS,
  async run(world) {
    const { pod, env, config } = await soundCall(world)
    const hostile = '"__proto__":{"ipMasq":true,"mtu":1},"constructor":{"prototype":{"mtu":1}}}'
    const text = JSON.stringify(config).replace(/}$/, `,${hostile}`)
    const reply = await world.call({ verb: 'ADD', type: 'bridge', config: text, env })
    if (!reply.succeeded) {
      expectError(reply)
      return expectNothing(world, pod)
    }
    expectEqual('MTU of eth0', (await observeLinks(pod)).find(({ ifname }) => ifname === 'eth0')?.mtu, 1500)
    expectSuccess(await world.call({ verb: 'DEL', type: 'bridge', config: text, env }))
  },
}

export const bridgeInputCases: readonly ConformanceCase[] = [
  prototype,
  ...accepted.map(({ id, title, source, call }) => ({
    id: `bridge.input.${id}`,
    title,
    source,
    needs: NEEDS,
    async run(world: World) {
      const { pod, ...sound } = await soundCall(world)
      const { env = {}, config = sound.config } = call(sound, pod)
      const variables = { ...sound.env, ...env }
      const reply = await world.call({ verb: 'ADD', type: 'bridge', config, env: variables })
      expectSuccess(reply)
      const [ip] = reply.result().ips
      expectEqual('address of the result', ip?.address, '10.22.0.2/24')
      const ifname = variables['CNI_IFNAME']
      const link = (await observeLinks(pod)).find(one => one.ifname === ifname)
      expectEqual(`MTU of ${ifname}`, link?.mtu, 1500)
      expectSuccess(await world.call({ verb: 'DEL', type: 'bridge', config, env: variables }))
      expectEqual('links in the container after DEL', (await observeLinks(pod)).length, 1)
    },
  })),
]
