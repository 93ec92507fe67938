import { statSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../../base/index.ts'
import { runtimeError } from './errors.ts'
import { type PluginOutput, runPluginProcess } from './plugin-process.ts'

/** One call of one plugin. */
export interface PluginCall {
  readonly plugin: string
  /** Where to look for it, in this order: the parts of CNI_PATH. */
  readonly directories: readonly string[]
  /** The variables of the protocol. */
  readonly variables: Readonly<Record<string, string>>
  readonly stdin: string
}

/** How plugins are run; throws if one gives no exit status. */
export type PluginExec = (call: PluginCall) => Promise<PluginOutput>

export interface LocalExecOptions {
  readonly clock: Clock
  readonly timeoutMs: number
  readonly signal: AbortSignal
  /** What plugins inherit; variables of the protocol in it are not passed on. */
  readonly environment: Readonly<Record<string, string | undefined>>
}

/** Runs plugins here, as programs of this process's namespaces. */
export function localExec({ environment, ...options }: LocalExecOptions): PluginExec {
  const inherited = inheritable(environment)
  return ({ plugin, directories, variables, stdin }) =>
    runPluginProcess({
      ...options,
      plugin,
      file: findPlugin(plugin, directories),
      args: [],
      env: { ...inherited, ...variables },
      stdin,
    })
}

/**
 * The first regular file of the plugin's name.
 *
 * Throws `cni.runtime.plugin-missing`; also for a type that is a path, which would run something else than a plugin.
 */
export function findPlugin(plugin: string, directories: readonly string[]): string {
  const isName = plugin !== '' && plugin !== '.' && plugin !== '..' && !plugin.includes('/')
  const paths = isName ? directories.map(directory => join(directory, plugin)) : []
  const found = paths.find(path => statSync(path, { throwIfNoEntry: false })?.isFile())
  if (found !== undefined) return found
  const where = directories.length === 0 ? 'no directory was given' : `looked in ${directories.join(', ')}`
  const message = `there is no plugin ${JSON.stringify(plugin)}: ${where}`
  throw runtimeError(`find ${plugin}`, message, { code: 'cni.runtime.plugin-missing', plugin, directories })
}

const OF_THE_CALL: ReadonlySet<string> = new Set([
  'CNI_COMMAND',
  'CNI_CONTAINERID',
  'CNI_NETNS',
  'CNI_IFNAME',
  'CNI_ARGS',
  'CNI_PATH',
])

function inheritable(environment: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const inherited: Record<string, string> = {}
  for (const [name, value] of Object.entries(environment)) {
    if (value !== undefined && !OF_THE_CALL.has(name)) inherited[name] = value
  }
  return inherited
}
