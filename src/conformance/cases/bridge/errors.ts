import type { ConformanceCase, Needs } from '../../case.ts'
import { SPEC } from '../../configs.ts'
import { expectEqual, expectError } from '../../expect.ts'
import { observeLinks } from '../../observe.ts'
import type { World } from '../../world.ts'
import { MALFORMED_CONFIGURATIONS, MALFORMED_VARIABLES, type Row } from './malformed.ts'
import { expectNothing, soundCall } from './sound-call.ts'

/** The plugin that most have stands for the others: what is asked here belongs to the protocol. */
const NEEDS: Needs = { plugins: ['bridge', 'host-local'], kernel: ['bridge', 'veth'] }

const malformed: readonly ConformanceCase[] = [...MALFORMED_VARIABLES, ...MALFORMED_CONFIGURATIONS].map(
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

export const bridgeErrorCases: readonly ConformanceCase[] = [
  ...malformed,
  ...namespaces,
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
