import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ConformanceCase, Needs } from '../../case.ts'
import { SPEC } from '../../configs.ts'
import { expectEqual, expectError } from '../../expect.ts'
import type { World } from '../../world.ts'
import { DOCS, network, SUBNET_ENV } from './network.ts'

const NEEDS: Needs = { plugins: ['flannel'] }

/** A plugin of somebody else: an address for everybody; verb, interface and configuration of each call go to the log. */
const FOREIGN = `
config=$(cat | tr -d '\\n')
echo "$CNI_COMMAND $CNI_IFNAME $config" >>"$LOG"
[ "$CNI_COMMAND" != ADD ] || echo '{"cniVersion": "0.4.0", "interfaces": [{"name": "eth0", "sandbox": "/x"}], "ips": [{"version": "4", "interface": 0, "address": "10.30.7.9/24"}]}'`

function foreign(world: World, script = FOREIGN) {
  world.delegate('case-plugin', script)
  return network(world, SUBNET_ENV, { delegate: { type: 'case-plugin', colour: 'red' } })
}

interface PassedOn {
  readonly verb: string
  readonly config: Readonly<Record<string, unknown>>
}

/** Calls of the plugin of somebody else. */
function passedOn(world: World): PassedOn[] {
  return world.delegateCalls().map(line => {
    const [verb = '', , ...config] = line.split(' ')
    return { verb, config: Object(JSON.parse(config.join(' '))) }
  })
}

/** A delegate that is no bridge. */
export const flannelForeignCases: readonly ConformanceCase[] = [
  {
    id: 'flannel.foreign.add',
    title: 'a delegate of another type is run, and its result is the answer',
    source: `${DOCS}, "delegate"; ${SPEC.delegate}`,
    needs: NEEDS,
    async run(world) {
      const { result } = await world.attach(foreign(world))
      expectEqual('address of the result', result.ips[0]?.address, '10.30.7.9/24')
    },
  },
  {
    id: 'flannel.foreign.configuration',
    title: 'it is given its own keys, the MTU, and host-local with the subnet',
    source: `${DOCS}, "delegate"`,
    needs: NEEDS,
    async run(world) {
      await world.attach(foreign(world))
      const { name, type, colour, mtu, ipam } = passedOn(world)[0]?.config ?? {}
      const { type: ipamType, ranges } = { type: '', ranges: [], ...Object(ipam) }
      expectEqual(
        'name, type, colour, mtu and ipam',
        [name, type, colour, mtu, ipamType, ranges],
        [`${world.name}net`, 'case-plugin', 'red', 1450, 'host-local', [[{ subnet: '10.30.7.0/24' }]]],
      )
    },
  },
  {
    id: 'flannel.foreign.del',
    title: 'DEL is passed on, also after subnet.env has gone, with what ADD told',
    source: `${DOCS}: it keeps what it told in a file`,
    needs: NEEDS,
    async run(world) {
      const attachment = await world.attach(foreign(world))
      writeFileSync(join(world.directory, 'subnet.env'), '')
      await attachment.mustDel()
      const [added, deleted, ...others] = passedOn(world)
      expectEqual('verbs', [added?.verb, deleted?.verb, ...others], ['ADD', 'DEL'])
      expectEqual('ipam at DEL', deleted?.config['ipam'], added?.config['ipam'])
    },
  },
  {
    id: 'flannel.foreign.check',
    title: 'CHECK is passed on, and a refusal is the answer',
    source: SPEC.check,
    needs: NEEDS,
    async run(world) {
      const attachment = await world.attach(foreign(world))
      await attachment.mustCheck()
      const refusal = '{"code": 142, "msg": "not as it was"}'
      world.delegate(
        'case-plugin',
        `cat >/dev/null; [ "$CNI_COMMAND" = DEL ] || { echo '${refusal}'; exit 1; }`,
      )
      expectError(await attachment.check(), { mentions: /not as it was/ })
    },
  },
  {
    id: 'flannel.foreign.refusal',
    title: 'a refused ADD is refused with the code of the plugin that refused it',
    source: SPEC.delegate,
    needs: NEEDS,
    async run(world) {
      const refusal = '{"code": 142, "msg": "no room"}'
      const script = `cat >/dev/null; [ "$CNI_COMMAND" = DEL ] || { echo '${refusal}'; exit 1; }`
      const attachment = await world.attachment(foreign(world, script))
      expectError(await attachment.add(), { codes: [142], mentions: /no room/ })
      await attachment.mustDel()
    },
  },
  {
    id: 'flannel.foreign.missing',
    title: 'a delegate that no directory of CNI_PATH has is an error that names it',
    source: SPEC.delegate,
    needs: NEEDS,
    async run(world) {
      const attachment = await world.attachment(
        network(world, SUBNET_ENV, { delegate: { type: 'not-there' } }),
      )
      expectError(await attachment.add(), { mentions: /not-there/ })
    },
  },
]
