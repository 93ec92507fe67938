import { isRecord } from './api-client.ts'
import { runCommand } from './command.ts'
import { labError } from './errors.ts'
import { inside } from './holder.ts'
import { NODE_PATHS } from './layout.ts'
import type { ProcessIdentity } from './process-identity.ts'

/** One plugin of a network configuration list, as its author wrote it. */
export interface PluginConfig {
  readonly type: string
  readonly [key: string]: unknown
}

/** A CNI network configuration list (`*.conflist`), CNI specification 1.1.0 section 1. */
export interface NetworkList {
  readonly cniVersion: string
  readonly name: string
  readonly plugins: readonly PluginConfig[]
}

export type CniCommand = 'ADD' | 'CHECK' | 'DEL' | 'GC' | 'STATUS' | 'VERSION'

/** What a runtime says about one container's interface. */
export interface CniAttachment {
  readonly containerId: string
  /** Path of the network namespace as the plugin sees it. */
  readonly netns: string
  readonly ifname: string
  readonly podNamespace: string
  readonly podName: string
}

/** What the plugins are told of a pod. */
export interface PodOnCni {
  readonly name: string
  readonly containerId: string
  /** Path of its namespace inside its node. */
  readonly netns: string
}

/** What a runtime says to the plugins about a pod's interface. */
export function attachmentOf({ name, containerId, netns }: PodOnCni, ifname = 'eth0'): CniAttachment {
  return { containerId, netns, ifname, podNamespace: 'default', podName: name }
}

export type CniResult = Readonly<Record<string, unknown>>

export const POD_NETWORK: NetworkList = {
  cniVersion: '1.1.0',
  name: 'podlace',
  plugins: [{ type: 'podlace' }],
}

/** The file of {@link POD_NETWORK} for runtimes of any age: old ones know `cniVersion` alone. */
export const POD_CONFLIST = { ...POD_NETWORK, cniVersion: '1.0.0', cniVersions: ['1.0.0', '1.1.0'] }

/** Runtimes bring up `lo` by a network of its own. */
export const LOOPBACK_NETWORK: NetworkList = {
  cniVersion: '1.1.0',
  name: 'cni-loopback',
  plugins: [{ type: 'loopback' }],
}

/** The configuration one plugin of a list receives on standard input (specification section 3, "Deriving"). */
export function deriveConfig(
  list: NetworkList,
  plugin: PluginConfig,
  extra: Readonly<Record<string, unknown>> = {},
): string {
  return JSON.stringify({ ...plugin, cniVersion: list.cniVersion, name: list.name, ...extra })
}

/** `CNI_*` variables of a call. */
export function cniEnvironment(command: CniCommand, attachment?: CniAttachment): Record<string, string> {
  const common = { CNI_COMMAND: command, CNI_PATH: NODE_PATHS.cniBin }
  if (attachment === undefined) return common
  const args = {
    IgnoreUnknown: '1',
    K8S_POD_NAMESPACE: attachment.podNamespace,
    K8S_POD_NAME: attachment.podName,
    K8S_POD_INFRA_CONTAINER_ID: attachment.containerId,
  }
  return {
    ...common,
    CNI_CONTAINERID: attachment.containerId,
    CNI_NETNS: attachment.netns,
    CNI_IFNAME: attachment.ifname,
    CNI_ARGS: Object.entries(args)
      .map(([key, value]) => `${key}=${value}`)
      .join(';'),
  }
}

/** Calls CNI plugins on one node as containerd would: executes them with the node's files and network. */
export class Runtime {
  private readonly holder: ProcessIdentity
  private readonly env: Readonly<Record<string, string>>

  constructor(holder: ProcessIdentity, env: Readonly<Record<string, string>>) {
    this.holder = holder
    this.env = env
  }

  /** ADD through the list in order, each plugin with its predecessor's result; the last result. */
  async add(list: NetworkList, attachment: CniAttachment): Promise<CniResult> {
    let result: CniResult | undefined
    for (const plugin of list.plugins) {
      const extra = result === undefined ? {} : { prevResult: result }
      const output = await this.call('ADD', plugin, deriveConfig(list, plugin, extra), attachment)
      result = parseResult(plugin.type, output)
    }
    return result ?? {}
  }

  async check(list: NetworkList, attachment: CniAttachment, prevResult: CniResult): Promise<void> {
    for (const plugin of list.plugins) {
      await this.call('CHECK', plugin, deriveConfig(list, plugin, { prevResult }), attachment)
    }
  }

  /** DEL through the list backwards. */
  async del(list: NetworkList, attachment: CniAttachment, prevResult?: CniResult): Promise<void> {
    const extra = prevResult === undefined ? {} : { prevResult }
    for (const plugin of list.plugins.toReversed()) {
      await this.call('DEL', plugin, deriveConfig(list, plugin, extra), attachment)
    }
  }

  /** Tells the plugins which attachments are alive; they remove whatever else they hold. */
  async gc(list: NetworkList, valid: readonly { containerID: string; ifname: string }[]): Promise<void> {
    const extra = { 'cni.dev/valid-attachments': valid }
    for (const plugin of list.plugins) await this.call('GC', plugin, deriveConfig(list, plugin, extra))
  }

  /** Resolves if every plugin is ready for ADD. */
  async status(list: NetworkList): Promise<void> {
    for (const plugin of list.plugins) await this.call('STATUS', plugin, deriveConfig(list, plugin))
  }

  private async call(
    command: CniCommand,
    plugin: PluginConfig,
    stdin: string,
    attachment?: CniAttachment,
  ): Promise<string> {
    const argv = [...inside(this.holder, 'net+mount'), `${NODE_PATHS.cniBin}/${plugin.type}`]
    const env = { ...this.env, ...cniEnvironment(command, attachment) }
    const result = await runCommand(argv, { stdin, env, timeoutMs: 120_000 })
    if (result.exitCode === 0) return result.stdout
    throw cniError(command, plugin.type, attachment, result.stdout, result.stderr)
  }
}

function parseResult(plugin: string, output: string): CniResult {
  try {
    const parsed: unknown = JSON.parse(output)
    if (isRecord(parsed)) return parsed
  } catch {
    // reported below, with what was printed
  }
  const message = `plugin ${plugin} answered ADD with ${JSON.stringify(output.slice(0, 200))}, which is no result`
  const payload = { code: 'lab.cni', plugin, command: 'ADD', cniCode: 0, details: output } as const
  throw labError('ADD', message, payload)
}

/** A plugin reports a failure as JSON on standard output (specification section 5, "Error"). */
function cniError(
  command: CniCommand,
  plugin: string,
  attachment: CniAttachment | undefined,
  stdout: string,
  stderr: string,
) {
  let error: unknown
  try {
    error = JSON.parse(stdout)
  } catch {
    error = undefined
  }
  const report = isRecord(error) ? error : {}
  const cniCode = typeof report['code'] === 'number' ? report['code'] : 0
  const text = [report['msg'], report['details']].filter(part => typeof part === 'string' && part !== '')
  const found = text.length > 0 ? text.join(': ') : `${stdout}${stderr}`.trim()
  const whom = attachment === undefined ? '' : ` for pod ${attachment.podName}`
  const message = `plugin ${plugin} refused ${command}${whom} with code ${cniCode}: ${found}`
  return labError(`${command}${whom}`, message, {
    code: 'lab.cni',
    plugin,
    command,
    cniCode,
    details: found,
  })
}

/** The addresses of a result (`ips[].address`), without prefix length. */
export function resultAddresses(result: CniResult): string[] {
  const ips = result['ips']
  if (!Array.isArray(ips)) return []
  return ips.flatMap(ip => {
    const address = isRecord(ip) ? ip['address'] : undefined
    return typeof address === 'string' ? [address.replace(/\/\d+$/, '')] : []
  })
}
