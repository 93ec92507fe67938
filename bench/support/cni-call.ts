import { join } from 'node:path'
import {
  bridgePlugin,
  type CniNetwork,
  type PluginConfiguration,
  type Pod,
  pluginsOf,
} from './cni-network.ts'
import type { CniSide } from './cni-side.ts'
import type { Call, Program } from './host-worker.ts'

const SYSTEM_PATH = '/usr/sbin:/usr/bin:/sbin:/bin'

/** ADD of each plugin of the chain, each given what the one before answered. */
export function addCall(side: CniSide, network: CniNetwork, pod: Pod): Call {
  const variables = ofPod('ADD', pod)
  const programs = pluginsOf(network, pod).map((plugin, index) => {
    const whole = program(side, variables, plugin)
    const open = whole.stdin.slice(0, -1)
    return index === 0 ? whole : { ...whole, stdin: `${open},"prevResult":`, stdinEnd: '}' }
  })
  return inTurn(programs)
}

/**
 * DEL of each plugin of the chain in reverse order, each given what the ADD came to.
 *
 * @param result what the last plugin answered
 */
export function delCall(side: CniSide, network: CniNetwork, pod: Pod, result: string): Call {
  const prevResult: unknown = JSON.parse(result)
  const variables = ofPod('DEL', pod)
  const programs = pluginsOf(network, pod).map(plugin => program(side, variables, { ...plugin, prevResult }))
  return inTurn(programs.toReversed())
}

function inTurn([first, ...followedBy]: readonly Program[]): Call {
  if (first === undefined) throw new RangeError('a chain has a plugin at least')
  return { ...first, followedBy }
}

/** The shortest question that goes to the agent. */
export function statusCall(side: CniSide, network: CniNetwork): Call {
  return program(side, { CNI_COMMAND: 'STATUS' }, { ...bridgePlugin(network), cniVersion: '1.1.0' })
}

function ofPod(command: 'ADD' | 'DEL', { containerId, netns }: Pod): Program['env'] {
  return { CNI_COMMAND: command, CNI_CONTAINERID: containerId, CNI_NETNS: netns, CNI_IFNAME: 'eth0' }
}

function program({ plugins }: CniSide, variables: Program['env'], plugin: PluginConfiguration): Program {
  return {
    argv: [join(plugins, plugin.type)],
    env: { PATH: SYSTEM_PATH, CNI_PATH: plugins, ...variables },
    stdin: JSON.stringify(plugin),
  }
}
