import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Attachment } from '../attachment.ts'
import type { ConformanceCase, Needs } from '../case.ts'
import { ALL_OR_NOTHING, bridge, SPEC } from '../configs.ts'
import { expectEqual, expectError, expectSuccess, expectThat } from '../expect.ts'
import { addressesOf, observeLink, observeRoutes } from '../observe.ts'
import type { World } from '../world.ts'
import { expectNoLink } from './links.ts'

const NEEDS: Needs = { plugins: ['bridge'], kernel: ['bridge', 'veth'] }

/** An address for everybody; verb, container, interface and path of each call go to the log. */
const FIXED = `
config=$(cat)
echo "$CNI_COMMAND $CNI_CONTAINERID $CNI_IFNAME $CNI_NETNS" >>"$LOG"
case $CNI_COMMAND in
ADD) echo '{"cniVersion": "0.4.0", "ips": [{"version": "4", "address": "10.66.0.9/24", "gateway": "10.66.0.1"}], "routes": [{"dst": "10.67.0.0/16", "gw": "10.66.0.1"}], "dns": {"nameservers": ["10.1.0.9"]}}' ;;
VERSION) echo '{"cniVersion": "1.1.0", "supportedVersions": ["0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"]}' ;;
esac`

/** The same, but the configuration goes to the log, in one line. */
const ECHOING = FIXED.replace(/^echo .*$/m, `echo "$config" | tr -d '\\n' >>"$LOG"; echo >>"$LOG"`)

const failing = (message: string) => `
cat >/dev/null
echo "$CNI_COMMAND" >>"$LOG"
echo '${message}'
exit 1`

function network(world: World, ipam: Readonly<Record<string, unknown>> = {}) {
  return world.network(bridge(world, { ipam: { type: 'case-ipam', ...ipam } }))
}

const REFUSING = failing('{"cniVersion": "1.0.0", "code": 123, "msg": "no address today"}')

/** What an IPAM plugin may do instead of giving an address or an error. */
const NO_RESULTS = [
  {
    id: 'garbage',
    what: 'prints no result',
    source: SPEC.delegate,
    script: 'cat >/dev/null; echo this is no JSON',
  },
  {
    id: 'no-address',
    what: 'gives no address',
    source: 'bridge documentation: "IPAM plugin returned missing IP config"',
    script: `cat >/dev/null; echo '{"cniVersion": "0.4.0", "ips": []}'`,
  },
  {
    id: 'silent-death',
    what: 'dies without a word',
    source: SPEC.delegate,
    script: 'cat >/dev/null; kill -9 $$',
  },
] as const

/** ADD whose IPAM plugin does not do what it should. */
async function failingAdd(world: World, script: string): Promise<Attachment> {
  world.delegate('case-ipam', script)
  return world.attachment(network(world))
}

export const delegationCases: readonly ConformanceCase[] = [
  {
    id: 'bridge.delegation.result',
    title: 'addresses and routes of a foreign IPAM plugin are used',
    source: SPEC.delegate,
    needs: NEEDS,
    async run(world) {
      world.delegate('case-ipam', FIXED)
      const { pod } = await world.attach(network(world))
      expectEqual('addresses of eth0', addressesOf(await observeLink(pod, 'eth0')), ['10.66.0.9/24'])
      const routes = await observeRoutes(pod, 4)
      expectEqual(
        'gateway to 10.67.0.0/16',
        routes.find(({ dst }) => dst === '10.67.0.0/16')?.gateway,
        '10.66.0.1',
      )
    },
  },
  {
    id: 'bridge.delegation.dns',
    title: 'DNS settings of the IPAM plugin stand in the result, if the plugin itself has none',
    source: SPEC.delegate,
    needs: NEEDS,
    async run(world) {
      world.delegate('case-ipam', FIXED)
      const { result } = await world.attach(network(world))
      expectEqual('nameservers', result.dns.nameservers, ['10.1.0.9'])
    },
  },
  {
    id: 'bridge.delegation.environment',
    title: 'the IPAM plugin is called with the variables of the plugin itself',
    source: `${SPEC.delegate}: "execute the plugin ... with the same environment"`,
    needs: NEEDS,
    async run(world) {
      world.delegate('case-ipam', FIXED)
      const { options, pod } = await world.attach(network(world))
      expectEqual('call', world.delegateCalls()[0], `ADD ${options.containerId} eth0 ${pod.path}`)
    },
  },
  {
    id: 'bridge.delegation.configuration',
    title: 'the IPAM plugin is given the whole configuration of the plugin itself',
    source: SPEC.delegate,
    needs: NEEDS,
    async run(world) {
      world.delegate('case-ipam', ECHOING)
      await world.attach(network(world, { secret: 42 }))
      const given: unknown = JSON.parse(world.delegateCalls()[0] ?? 'null')
      const { name, bridge: bridgeName, ipam } = { name: '', bridge: '', ipam: {}, ...Object(given) }
      expectEqual(
        'name, bridge and ipam',
        [name, bridgeName, ipam],
        [`${world.name}net`, world.bridgeName, { type: 'case-ipam', secret: 42 }],
      )
    },
  },
  {
    id: 'bridge.delegation.verbs',
    title: 'CHECK and DEL are delegated as well',
    source: SPEC.delegate,
    needs: NEEDS,
    async run(world) {
      world.delegate('case-ipam', FIXED)
      const attachment = await world.attach(network(world))
      await attachment.mustCheck()
      await attachment.mustDel()
      const verbs = world.delegateCalls().map(line => line.split(' ', 1)[0])
      expectEqual('verbs', verbs, ['ADD', 'CHECK', 'DEL'])
    },
  },
  {
    id: 'bridge.delegation.del-without-namespace',
    title: 'DEL is delegated after the namespace has gone, too',
    source: SPEC.delegate,
    needs: NEEDS,
    async run(world) {
      world.delegate('case-ipam', FIXED)
      const attachment = await world.attach(network(world))
      await attachment.pod.remove()
      await attachment.mustDel()
      const verbs = world.delegateCalls().map(line => line.split(' ', 1)[0])
      expectEqual('verbs', verbs, ['ADD', 'DEL'])
    },
  },
  {
    id: 'bridge.delegation.error',
    title: 'an error of the IPAM plugin is the plugin’s error, with its message',
    source: SPEC.delegate,
    needs: NEEDS,
    async run(world) {
      const attachment = await failingAdd(world, REFUSING)
      expectError(await attachment.add(), { mentions: /no address today/ })
      await expectNoLink('eth0 after DEL', (await deleted(attachment)).pod, 'eth0')
    },
  },
  {
    id: 'bridge.delegation.error-code',
    title: 'its code is passed on as well',
    source: SPEC.delegate,
    needs: NEEDS,
    async run(world) {
      const attachment = await failingAdd(world, REFUSING)
      expectError(await attachment.add(), { codes: [123] })
      await deleted(attachment)
    },
  },
  {
    id: 'bridge.delegation.rollback',
    title: 'an error of the IPAM plugin leaves nothing of the ADD',
    source: ALL_OR_NOTHING,
    needs: NEEDS,
    async run(world) {
      const attachment = await failingAdd(world, REFUSING)
      expectError(await attachment.add())
      await expectNoLink('eth0 in the container', attachment.pod, 'eth0')
    },
  },
  ...NO_RESULTS.map(({ id, what, source, script }) => ({
    id: `bridge.delegation.${id}`,
    title: `an IPAM plugin that ${what} makes ADD an error`,
    source,
    needs: NEEDS,
    async run(world: World) {
      const attachment = await failingAdd(world, script)
      expectError(await attachment.add())
      await deleted(attachment)
    },
  })),
  {
    id: 'bridge.delegation.gives-back',
    title: 'ADD that fails after its IPAM plugin gave an address gives it back by DEL',
    source: SPEC.delegate,
    needs: NEEDS,
    async run(world) {
      world.delegate('case-ipam', FIXED.replace('"gw": "10.66.0.1"', '"gw": "224.0.0.5"'))
      const attachment = await world.attachment(network(world))
      expectError(await attachment.add())
      const verbs = world.delegateCalls().map(line => line.split(' ', 1)[0])
      expectEqual('verbs before the runtime sends DEL', verbs, ['ADD', 'DEL'])
    },
  },
  {
    id: 'bridge.delegation.path',
    title: 'an IPAM type with a path is refused: plugins are looked for in CNI_PATH only',
    source: `${SPEC.configuration} "type": no path`,
    needs: NEEDS,
    async run(world) {
      const witness = join(world.directory, 'witness')
      writeFileSync(join(world.directory, 'script'), `#!/bin/sh\necho >'${witness}'\n`, { mode: 0o755 })
      const attachment = await world.attachment(network(world, { type: '../script' }))
      expectError(await attachment.add())
      expectThat('the program outside of CNI_PATH', !existsSync(witness), 'not run', 'it was run')
    },
  },
  {
    id: 'bridge.delegation.status',
    title: 'STATUS is delegated, and the IPAM plugin’s error is the plugin’s',
    source: SPEC.status,
    needs: { ...NEEDS, speaks: '1.1.0' },
    async run(world) {
      world.delegate('case-ipam', FIXED)
      expectSuccess(await world.status(network(world)))
      world.delegate('case-ipam', failing('{"cniVersion": "1.1.0", "code": 50, "msg": "not today"}'))
      expectError(await world.status(network(world)), { codes: [50], mentions: /not today/ })
    },
  },
  {
    id: 'bridge.delegation.gc',
    title: 'GC is delegated',
    source: SPEC.gc,
    needs: { ...NEEDS, speaks: '1.1.0' },
    async run(world) {
      world.delegate('case-ipam', FIXED)
      await world.collectGarbage(network(world), [])
      expectEqual('verb', world.delegateCalls()[0]?.split(' ', 1)[0], 'GC')
    },
  },
]

/** As a runtime ends an ADD that failed. */
async function deleted(attachment: Attachment): Promise<Attachment> {
  // The IPAM plugin of the case fails at DEL, too; what the plugin itself made has to go all the same.
  await attachment.del()
  return attachment
}
