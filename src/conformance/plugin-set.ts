import { accessSync, constants, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { errorText } from '../base/index.ts'
import { setupError } from './errors.ts'

/** A process that plugins need beside them. `{dir}` in the commands stands for a private folder of each fake host. */
export interface DaemonCommand {
  /** For `sh -c`, in the fake host's namespaces. */
  readonly command: string
  /** Ready when this succeeds; absent: as soon as it is started. */
  readonly ready?: string
}

/** What is measured: a folder of plugins, and what they need around them. */
export interface PluginSet {
  readonly directory: string
  /** Names of the executable files in the folder, in order. */
  readonly types: readonly string[]
  readonly daemon?: DaemonCommand
  /** For each call of a plugin; values may hold `{dir}`. */
  readonly env: ReadonlyMap<string, string>
}

/** @throws `conformance.setup` if the folder cannot be read or holds no program */
export function listPlugins(directory: string): string[] {
  let names: string[]
  try {
    names = readdirSync(directory)
  } catch (error) {
    throw setupError(
      'list the plugins',
      `cannot read the folder of plugins ${directory}: ${errorText(error)}`,
      error,
    )
  }
  const types = names.filter(name => isProgram(join(directory, name))).sort()
  if (types.length > 0) return types
  throw setupError('list the plugins', `the folder ${directory} holds no program: expected CNI plugins`)
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false // not executable, or a dangling link
  }
}

export function fillIn(text: string, directory: string): string {
  return text.replaceAll('{dir}', directory)
}
