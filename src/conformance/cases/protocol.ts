import type { ConformanceCase } from '../case.ts'
import { SPEC } from '../configs.ts'
import { expectError, expectIncludes, expectSuccess, expectThat } from '../expect.ts'
import type { World } from '../world.ts'

/** A configuration that says nothing but what every plugin must read. */
function minimal(world: World, type: string): Record<string, unknown> {
  return { cniVersion: world.version, name: `${world.name}net`, type }
}

const VARIABLES = { CNI_CONTAINERID: 'conformance', CNI_IFNAME: 'eth0' } as const

type Check = (world: World, type: string) => Promise<void>

interface Demand {
  readonly id: string
  readonly title: string
  readonly source: string
  readonly check: Check
}

async function refuses(
  world: World,
  type: string,
  codes: readonly number[],
  change: {
    readonly config?: object | string
    readonly env?: Readonly<Record<string, string | undefined>>
    readonly mentions?: RegExp
  },
): Promise<void> {
  const pod = await world.pod()
  const reply = await world.call({
    verb: 'ADD',
    type,
    config: change.config ?? minimal(world, type),
    env: { ...VARIABLES, CNI_NETNS: pod.path, ...change.env },
  })
  expectError(reply, { codes, ...(change.mentions === undefined ? {} : { mentions: change.mentions }) })
}

/** What every plugin must do, whatever its configuration means. */
const DEMANDS: readonly Demand[] = [
  {
    id: 'version',
    title: 'VERSION lists the versions it speaks, and answers in one of them',
    source: SPEC.version,
    async check(world, type) {
      const reply = await world.call({ verb: 'VERSION', type, config: { cniVersion: '1.0.0' } })
      expectSuccess(reply)
      const { cniVersion, supportedVersions } = reply.versions()
      expectThat('cniVersion', /^\d+\.\d+\.\d+$/.test(cniVersion), 'a version', cniVersion)
      expectIncludes('the supported versions', supportedVersions, '1.0.0')
    },
  },
  {
    id: 'no-command',
    title: 'without CNI_COMMAND it says on standard error what it is, and succeeds',
    source: 'containernetworking/cni pkg/skel: "about" text',
    async check(world, type) {
      const reply = await world.call({ verb: 'ADD', type, config: '', env: { CNI_COMMAND: undefined } })
      expectSuccess(reply)
      expectThat('standard output', reply.stdout.trim() === '', 'nothing', reply.stdout)
      expectThat('standard error', reply.stderr.trim() !== '', 'a text', reply.stderr)
    },
  },
  {
    id: 'unknown-command',
    title: 'an unknown CNI_COMMAND is code 4',
    source: SPEC.errors,
    check: (world, type) => refuses(world, type, [4], { env: { CNI_COMMAND: 'FOO' } }),
  },
  {
    id: 'unknown-version',
    title: 'a cniVersion that it does not speak is code 1',
    source: SPEC.errors,
    check: (world, type) =>
      refuses(world, type, [1], { config: { ...minimal(world, type), cniVersion: '9.9.9' } }),
  },
  {
    id: 'broken-json',
    title: 'a configuration that is no JSON is code 6',
    source: SPEC.errors,
    check: (world, type) => refuses(world, type, [6], { config: '{"cniVersion": "1.0.0", "name": ' }),
  },
  {
    id: 'no-name',
    title: 'a configuration without the name of the network is code 7',
    source: `${SPEC.configuration}, ${SPEC.errors}`,
    check: (world, type) => refuses(world, type, [7], { config: { cniVersion: world.version, type } }),
  },
  {
    id: 'no-container-id',
    title: 'ADD without CNI_CONTAINERID is code 4 and names the variable',
    source: SPEC.parameters,
    check: (world, type) =>
      refuses(world, type, [4], { env: { CNI_CONTAINERID: undefined }, mentions: /CNI_CONTAINERID/ }),
  },
  {
    id: 'no-netns',
    title: 'ADD without CNI_NETNS is code 4 and names the variable',
    source: SPEC.parameters,
    check: (world, type) =>
      refuses(world, type, [4], { env: { CNI_NETNS: undefined }, mentions: /CNI_NETNS/ }),
  },
  {
    id: 'no-ifname',
    title: 'ADD without CNI_IFNAME is code 4 and names the variable',
    source: SPEC.parameters,
    check: (world, type) =>
      refuses(world, type, [4], { env: { CNI_IFNAME: undefined }, mentions: /CNI_IFNAME/ }),
  },
]

/** The demands on every program in the folder, known or not. */
export function protocolCases(types: readonly string[]): ConformanceCase[] {
  return types.flatMap(type =>
    DEMANDS.map(({ id, title, source, check }) => ({
      id: `${type}.protocol.${id}`,
      title,
      source,
      needs: { plugins: [type] },
      run: (world: World) => check(world, type),
    })),
  )
}
