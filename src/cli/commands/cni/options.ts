import { createHash } from 'node:crypto'
import { resolve } from 'node:path'
import { type Command, Option } from 'commander'
import { errorText, PodlaceError, systemClock } from '../../../base/index.ts'
import type { Attachment, CniRuntime, JsonObject, NetworkList, PluginExec } from '../../../cni/index.ts'
import type { CliContext } from '../../context.ts'
import { wholeNumber, withOutput } from '../../options.ts'

/** Of every command that runs plugins. */
export interface PluginFlags {
  readonly binDir?: readonly string[]
  /** Seconds. */
  readonly timeout: number
  readonly output: 'text' | 'json'
}

/** Of every command on a network. */
export interface NetworkFlags extends PluginFlags {
  readonly confDir?: string
  readonly cacheDir: string
}

/** Which interface of which container. */
export interface AttachmentFlags {
  readonly containerId?: string
  readonly ifname?: string
  readonly args?: string
  readonly capabilityArgs?: string
}

/** An option that may be given several times. */
export function collect(text: string, earlier: readonly string[] = []): readonly string[] {
  return [...earlier, text]
}

/** `-o json`, and `--json` for short. */
export function withJson(command: Command): Command {
  return withOutput(command).addOption(
    new Option('--json', 'the same as -o json').implies({ output: 'json' }),
  )
}

export function onPlugins(command: Command): Command {
  return withJson(command)
    .option('--bin-dir <path>', 'where plugins are; repeatable; default CNI_PATH, else /opt/cni/bin', collect)
    .option('--timeout <seconds>', 'until a plugin that hangs is killed', wholeNumber(1, 3600), 120)
}

export function onNetwork(command: Command): Command {
  return onPlugins(command)
    .option('--conf-dir <path>', 'where networks are; default NETCONFPATH, else /etc/cni/net.d')
    .option('--cache-dir <path>', 'where results are kept, as libcni does', '/var/lib/cni')
}

export function onContainer(command: Command): Command {
  return command
    .option('--container-id <id>', 'default made from the path of the namespace, as cnitool does')
    .option('--ifname <name>', 'interface inside; default CNI_IFNAME, else eth0')
    .option('--args <K=V;...>', 'CNI_ARGS for the plugins; default the variable of this name')
}

export function onAttachment(command: Command): Command {
  return onContainer(onNetwork(command)).option(
    '--capability-args <json>',
    'such as {"portMappings": [...]}, for plugins that declare it; default the variable CAP_ARGS',
  )
}

/** Throws `cni.not-root`. */
export function checkRoot({ uid }: CliContext, what: string): void {
  if (uid === 0) return
  const message = `podlace cni ${what} needs root, because plugins enter namespaces: run the same command with sudo`
  throw new PodlaceError(`cni ${what}`, message, { code: 'cni.not-root' })
}

/** Plugins run as children of this process; what they say beside their answers goes to standard error. */
export async function pluginExec(context: CliContext, flags: PluginFlags): Promise<PluginExec> {
  const { localExec } = await import('../../../cni/index.ts')
  const { env: environment, signal } = context
  const run = localExec({ clock: systemClock, timeoutMs: flags.timeout * 1000, signal, environment })
  return async call => {
    const output = await run(call)
    if (output.stderr !== '') context.stderr.write(output.stderr.replace(/\n?$/, '\n'))
    return output
  }
}

/** The network of this name, and who calls its plugins. */
export async function openNetwork(
  context: CliContext,
  flags: NetworkFlags,
  name: string,
): Promise<{ readonly list: NetworkList; readonly runtime: CniRuntime }> {
  const { AttachmentCache, CniRuntime, NetworkFiles } = await import('../../../cni/index.ts')
  const confDir = flags.confDir ?? variable(context, 'NETCONFPATH') ?? '/etc/cni/net.d'
  const list = new NetworkFiles(confDir).load(name)
  const exec = await pluginExec(context, flags)
  const cache = new AttachmentCache(flags.cacheDir)
  return { list, runtime: new CniRuntime({ exec, cache, directories: pluginDirectories(context, flags) }) }
}

export function pluginDirectories(context: CliContext, { binDir }: PluginFlags): readonly string[] {
  if (binDir !== undefined) return binDir
  const fromPath = (variable(context, 'CNI_PATH') ?? '').split(':').filter(part => part !== '')
  return fromPath.length > 0 ? fromPath : ['/opt/cni/bin']
}

/** Throws `cni.bad-setting` for flags or variables that make no sense. */
export async function attachmentOf(
  context: CliContext,
  flags: AttachmentFlags,
  path: string | undefined,
): Promise<Attachment> {
  const { splitArgs } = await import('../../../cni/index.ts')
  const netns = path === undefined ? undefined : resolve(path)
  const containerId = flags.containerId ?? (netns === undefined ? undefined : containerIdOf(netns))
  if (containerId === undefined)
    throw badSetting('name the container: the path of its namespace, or --container-id')
  const args = flags.args ?? variable(context, 'CNI_ARGS')
  const capabilityArgs = flags.capabilityArgs ?? variable(context, 'CAP_ARGS')
  return {
    containerId,
    ifName: flags.ifname ?? variable(context, 'CNI_IFNAME') ?? 'eth0',
    ...(netns === undefined ? {} : { netns }),
    ...(args === undefined ? {} : { args: splitArgs(args) }),
    ...(capabilityArgs === undefined ? {} : { capabilityArgs: parseCapabilityArgs(capabilityArgs) }),
  }
}

/** The same as cnitool makes, so that either deletes what the other added. */
function containerIdOf(netns: string): string {
  return `cnitool-${createHash('sha512').update(netns).digest('hex').slice(0, 20)}`
}

function parseCapabilityArgs(text: string): JsonObject {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw badSetting(`the capability arguments are no JSON: ${errorText(error)}`)
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value }
  throw badSetting(
    `the capability arguments must be an object such as {"mac": "02:00:00:00:00:01"}, not ${text}`,
  )
}

export function badSetting(message: string): PodlaceError {
  return new PodlaceError('read the command line', message, { code: 'cni.bad-setting' })
}

function variable({ env }: CliContext, name: string): string | undefined {
  return env[name] === '' ? undefined : env[name]
}
