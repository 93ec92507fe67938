import type { ConformanceCase, Needs } from '../case.ts'
import { bridge, SPEC } from '../configs.ts'
import { expectEqual, expectError, expectSuccess, expectThat } from '../expect.ts'
import { observeLinks } from '../observe.ts'
import type { Pod } from '../pod.ts'
import type { World } from '../world.ts'

/** The plugin that most have stands for the others: what is asked here belongs to the protocol. */
const NEEDS: Needs = { plugins: ['bridge', 'host-local'], kernel: ['bridge', 'veth'] }
/** JSON that no plugin can read as a configuration: decoding fails, or there is no network in it. */
const DECODING = [6, 7] as const

interface Call {
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly config?: object | string | Uint8Array
}

interface Row {
  readonly id: string
  readonly title: string
  readonly source: string
  /** What is wrong with the call, given a sound one. */
  readonly call: (
    sound: { readonly env: Record<string, string>; readonly config: Record<string, unknown> },
    pod: Pod,
  ) => Call
  readonly codes: readonly number[]
}

function variable(id: string, name: string, value: string, what: string): Row {
  return {
    id,
    title: `${name} ${what} is code 4`,
    source: SPEC.parameters,
    call: () => ({ env: { [name]: value } }),
    codes: [4],
  }
}

const VARIABLES: readonly Row[] = [
  variable('container-id-empty', 'CNI_CONTAINERID', '', 'that is empty'),
  variable('container-id-slash', 'CNI_CONTAINERID', 'a/b', 'with a slash'),
  variable('container-id-parent', 'CNI_CONTAINERID', '../x', 'that leaves a folder'),
  variable('container-id-dot', 'CNI_CONTAINERID', '.hidden', 'that begins with a dot'),
  variable('container-id-dash', 'CNI_CONTAINERID', '-x', 'that begins with a dash'),
  variable('container-id-space', 'CNI_CONTAINERID', 'a b', 'with a blank'),
  variable('container-id-newline', 'CNI_CONTAINERID', 'a\nb', 'with a line break'),
  variable('container-id-newline-at-end', 'CNI_CONTAINERID', 'ab\n', 'with a line break at its end'),
  variable('container-id-unicode', 'CNI_CONTAINERID', 'pöd', 'with a letter that is not ASCII'),
  variable('ifname-empty', 'CNI_IFNAME', '', 'that is empty'),
  variable('ifname-long', 'CNI_IFNAME', 'abcdefghijklmnop', 'of 16 characters'),
  variable('ifname-very-long', 'CNI_IFNAME', 'a'.repeat(4096), 'of 4096 characters'),
  variable('ifname-dot', 'CNI_IFNAME', '.', 'that is a dot'),
  variable('ifname-dots', 'CNI_IFNAME', '..', 'that is two dots'),
  variable('ifname-slash', 'CNI_IFNAME', 'a/b', 'with a slash'),
  variable('ifname-colon', 'CNI_IFNAME', 'eth0:1', 'with a colon'),
  variable('ifname-space', 'CNI_IFNAME', 'eth 0', 'with a blank'),
  variable('ifname-newline', 'CNI_IFNAME', 'eth0\n', 'with a line break'),
  variable('netns-empty', 'CNI_NETNS', '', 'that is empty'),
]

const CONFIGURATIONS: readonly Row[] = [
  config('empty-input', 'an empty configuration', () => '', DECODING),
  config('null', 'the configuration null', () => 'null', DECODING),
  config('list', 'a list as configuration', () => '[]', DECODING),
  config('text', 'a text as configuration', () => '"bridge"', DECODING),
  config('number', 'a number as configuration', () => '7', DECODING),
  config('truncated', 'a truncated configuration', sound => JSON.stringify(sound).slice(0, -5), DECODING),
  config('two-values', 'two configurations', sound => JSON.stringify(sound).repeat(2), DECODING),
  config('trailing', 'garbage behind the configuration', sound => `${JSON.stringify(sound)} x`, DECODING),
  config(
    'binary',
    'binary garbage',
    () => Uint8Array.from({ length: 4096 }, (_, index) => (index * 73 + 11) & 0xff),
    DECODING,
  ),
  config('zeros', 'zero bytes', () => new Uint8Array(4096), DECODING),
  config('comment', 'JSON with a comment', sound => `/* */ ${JSON.stringify(sound)}`, DECODING),
  config('deep', 'lists nested 100,000 deep', () => '['.repeat(100_000), DECODING),
  config('name-number', 'a name that is a number', sound => ({ ...sound, name: 7 }), DECODING),
  config('name-empty', 'an empty name', sound => ({ ...sound, name: '' }), [7]),
  config('name-slash', 'a name with a slash', sound => ({ ...sound, name: 'a/b' }), [7]),
  config('name-parent', 'a name that leaves a folder', sound => ({ ...sound, name: '../../x' }), [7]),
  config('name-dot', 'a name that begins with a dot', sound => ({ ...sound, name: '.x' }), [7]),
  config('name-newline', 'a name with a line break', sound => ({ ...sound, name: 'a\nb' }), [7]),
  config('name-zero', 'a name with a zero byte', sound => ({ ...sound, name: 'a\u0000b' }), [7]),
  config(
    'version-number',
    'a cniVersion that is a number',
    sound => ({ ...sound, cniVersion: 1 }),
    [1, 6, 7],
  ),
  config(
    'version-text',
    'a cniVersion that is none',
    sound => ({ ...sound, cniVersion: 'newest' }),
    [1, 4, 6, 7],
  ),
  config('version-future', 'a cniVersion of the future', sound => ({ ...sound, cniVersion: '99.0.0' }), [1]),
  config(
    'version-spaces',
    'a cniVersion with blanks',
    sound => ({ ...sound, cniVersion: ' 1.0.0 ' }),
    [1, 4, 6, 7],
  ),
]

function config(
  id: string,
  what: string,
  make: (sound: Record<string, unknown>) => object | string | Uint8Array,
  codes: readonly number[],
): Row {
  return {
    id,
    title: `${what} is refused with code ${codes.join(' or ')}`,
    source: `${SPEC.configuration}, ${SPEC.errors}`,
    call: sound => ({ config: make(sound.config) }),
    codes,
  }
}

async function soundCall(world: World) {
  const pod = await world.pod()
  const network = world.network()
  const config = { ...bridge(world), name: network.name, cniVersion: network.cniVersion }
  const env = { CNI_CONTAINERID: `${world.name}-0`, CNI_IFNAME: 'eth0', CNI_NETNS: pod.path }
  return { pod, env, config }
}

/** Nothing was made for a call that was refused: only `lo` inside, no bridge outside. */
async function expectNothing(world: World, pod: Pod): Promise<void> {
  const inside = (await observeLinks(pod)).map(({ ifname }) => ifname)
  expectEqual('links in the container', inside, ['lo'])
  const outside = (await observeLinks(world.host.network)).map(({ ifname }) => ifname)
  expectThat('links of the host', !outside.includes(world.bridgeName), 'no bridge', outside.join(', '))
}

const malformed: readonly ConformanceCase[] = [...VARIABLES, ...CONFIGURATIONS].map(
  ({ id, title, source, call, codes }) => ({
    id: `bridge.errors.${id}`,
    title: `${title}; nothing is made`,
    source,
    needs: NEEDS,
    async run(world: World) {
      const { pod, ...sound } = await soundCall(world)
      const { env = {}, config = sound.config } = call(sound, pod)
      const reply = await world.call({ verb: 'ADD', type: 'bridge', config, env: { ...sound.env, ...env } })
      expectError(reply, { codes })
      await expectNothing(world, pod)
    },
  }),
)

/** The namespace is not what it should be. */
const namespaces: readonly ConformanceCase[] = [
  {
    id: 'bridge.errors.netns-missing',
    title: 'a CNI_NETNS that is not there is an error; nothing is made',
    source: SPEC.add,
    needs: NEEDS,
    run: world => refusesNamespace(world, () => '/run/netns/not-there'),
  },
  {
    id: 'bridge.errors.netns-file',
    title: 'a CNI_NETNS that is an ordinary file is an error; nothing is made',
    source: SPEC.add,
    needs: NEEDS,
    run: world => refusesNamespace(world, () => '/etc/passwd'),
  },
  {
    id: 'bridge.errors.netns-folder',
    title: 'a CNI_NETNS that is a folder is an error; nothing is made',
    source: SPEC.add,
    needs: NEEDS,
    run: world => refusesNamespace(world, () => '/proc'),
  },
  {
    id: 'bridge.errors.netns-other-kind',
    title: 'a CNI_NETNS that is a namespace of another kind is an error; nothing is made',
    source: SPEC.add,
    needs: NEEDS,
    run: world => refusesNamespace(world, () => `/proc/${world.host.holderPid}/ns/uts`),
  },
  {
    id: 'bridge.errors.netns-host',
    title: 'a CNI_NETNS that is the host’s own is an error; nothing is made',
    source: 'containernetworking/cni pkg/skel: code 8',
    needs: NEEDS,
    run: world => refusesNamespace(world, () => world.host.network.path),
  },
]

async function refusesNamespace(world: World, path: () => string): Promise<void> {
  const { pod, env, config } = await soundCall(world)
  const before = (await observeLinks(world.host.network)).map(({ ifname }) => ifname)
  const reply = await world.call({ verb: 'ADD', type: 'bridge', config, env: { ...env, CNI_NETNS: path() } })
  expectError(reply)
  expectEqual('links in the container', (await observeLinks(pod)).length, 1)
  const links = (await observeLinks(world.host.network)).map(({ ifname }) => ifname)
  expectEqual(
    'links of the host, apart from the bridge',
    links.filter(name => name !== world.bridgeName),
    before,
  )
}

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

const refusedArgs: readonly Row[] = [
  {
    id: 'args-unknown',
    title: 'unknown CNI_ARGS are an error without IgnoreUnknown',
    source: 'containernetworking/cni conventions, "CNI_ARGS"',
    call: () => ({ env: { CNI_ARGS: 'FOO=bar' } }),
    codes: [],
  },
  {
    id: 'args-no-value',
    title: 'CNI_ARGS that are no pairs are an error',
    source: SPEC.parameters,
    call: () => ({ env: { CNI_ARGS: 'IgnoreUnknown=1;novalue' } }),
    codes: [],
  },
  {
    id: 'args-bad-mac',
    title: 'a MAC in CNI_ARGS that is none is an error',
    source: 'bridge documentation',
    call: () => ({ env: { CNI_ARGS: 'IgnoreUnknown=1;MAC=zz:00:00:00:00:01' } }),
    codes: [],
  },
]

export const errorCases: readonly ConformanceCase[] = [
  ...malformed,
  ...namespaces,
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
  ...refusedArgs.map(({ id, title, source, call }) => ({
    id: `bridge.errors.${id}`,
    title,
    source,
    needs: NEEDS,
    async run(world: World) {
      const { pod, ...sound } = await soundCall(world)
      const { env = {} } = call(sound, pod)
      const reply = await world.call({
        verb: 'ADD',
        type: 'bridge',
        config: sound.config,
        env: { ...sound.env, ...env },
      })
      expectError(reply)
      expectEqual('number of links in the container', (await observeLinks(pod)).length, 1)
    },
  })),
]
