import { chmodSync, copyFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { PLUGIN_TYPES } from '../cni/index.ts'
import { checkBuilt, installProgram, nodeToMount, SERVICE_UID, withoutRoot } from '../lab/index.ts'
import type { PluginSet } from './plugin-set.ts'

export interface PodlaceOptions {
  /** The package, built. */
  readonly packageRoot: string
  readonly nodeBinary: string
  /** For a copy of the program; made by the caller, who removes it after the suite. */
  readonly directory: string
}

/**
 * This program's own plugins: the shim under every name, and on each fake host an agent that stands alone, with
 * CAP_NET_ADMIN and nothing else, and the daemon of the plugin dhcp.
 *
 * @throws `lab.not-built`
 */
export function podlacePlugins({ packageRoot, nodeBinary, directory }: PodlaceOptions): PluginSet {
  checkBuilt(packageRoot)
  // The agent runs as another user.
  chmodSync(directory, 0o711)
  installProgram(packageRoot, nodeBinary, directory)
  const plugins = join(directory, 'plugins')
  mkdirSync(plugins)
  for (const type of PLUGIN_TYPES) {
    copyFileSync(join(directory, 'build/podlace-cni'), join(plugins, type))
    chmodSync(join(plugins, type), 0o755)
  }
  const program = [nodeToMount(directory, nodeBinary), join(directory, 'dist/podlace.mjs')]
  return {
    directory: plugins,
    types: PLUGIN_TYPES.toSorted(),
    daemon: {
      command: daemonsCommand(program),
      ready: 'test -S "{dir}/cni.sock" && test -S "{dir}/dhcp.sock"',
    },
    env: new Map([
      ['PODLACE_CNI_SOCKET', '{dir}/cni.sock'],
      ['PODLACE_DHCP_SOCKET', '{dir}/dhcp.sock'],
      ['PODLACE_STATE_DIR', '{dir}/state'],
    ]),
  }
}

function daemonsCommand(program: readonly string[]): string {
  const agent = ['agent', '--node-name', 'conformance', '--log-level', 'warn', '--subnet-file', '']
  const places = [
    '--socket',
    '{dir}/cni.sock',
    '--admin-socket',
    '{dir}/agent.sock',
    '--state-dir',
    '{dir}/state',
  ]
  const dhcp = ['dhcp', '--log-level', 'warn', '--socket', '{dir}/dhcp.sock', '--state-dir', '{dir}/dhcp']
  const state = `mkdir '{dir}/state' && chown ${SERVICE_UID}:${SERVICE_UID} '{dir}/state'`
  const agentWords = [...withoutRoot('net_admin'), ...program, ...agent, ...places].map(shellWord)
  const dhcpWords = [...program, ...dhcp].map(shellWord)
  return `${state} && { ${dhcpWords.join(' ')} & } && exec ${agentWords.join(' ')}`
}

function shellWord(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`
}
