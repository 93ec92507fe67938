import { readdirSync, readFileSync, statSync } from 'node:fs'
import { extname, join } from 'node:path'
import { errorText, hasCode, ifThere } from '../../base/index.ts'
import { cniError } from '../errors.ts'
import { runtimeError } from './errors.ts'
import { type NetworkList, parseNetworkList, parsePlugin, parseSingleConfiguration } from './network-list.ts'

/** More than a plugin of ours takes on standard input. */
const MAX_FILE_BYTES = 1 << 20

/** The directory of network lists, such as /etc/cni/net.d, as libcni reads it. */
export class NetworkFiles {
  readonly directory: string

  constructor(directory: string) {
    this.directory = directory
  }

  /**
   * The network of this name: the first `*.conflist` that has it, else the first `*.conf` or `*.json`, by file name.
   * A file that cannot be read hides no other; it is told if the network is not found.
   *
   * Throws `cni.runtime.no-network`; `cni.invalid-configuration` (7) for a network without any plugin.
   */
  load(name: string): NetworkList {
    const known: string[] = []
    const faults: string[] = []
    for (const read of this.readers()) {
      try {
        const list = read()
        if (list.name === name) return this.withPluginFiles(list)
        known.push(list.name)
      } catch (error) {
        if (!hasCode(error, 'cni')) throw error
        faults.push(errorText(error))
      }
    }
    throw this.notFound(name, known, faults)
  }

  private readers(): (() => NetworkList)[] {
    return [
      ...filesIn(this.directory, ['.conflist']).map(path => () => parseNetworkList(readBounded(path), path)),
      ...filesIn(this.directory, ['.conf', '.json']).map(
        path => () => parseSingleConfiguration(readBounded(path), path),
      ),
    ]
  }

  /** Adds the plugins of `<directory>/<network>/*.conf`, by file name (libcni 1.3). */
  private withPluginFiles(list: NetworkList): NetworkList {
    const directory = join(this.directory, list.name)
    const files = list.loadOnlyInlinedPlugins ? [] : filesIn(directory, ['.conf'])
    const plugins = [...list.plugins, ...files.map(path => parsePlugin(readBounded(path), path))]
    if (plugins.length > 0) return { ...list, plugins }
    const message = `network ${list.name} has no plugin: its list names none, and there is no ${directory}/*.conf`
    throw cniError('invalid-configuration', `load network ${list.name}`, message)
  }

  private notFound(name: string, known: readonly string[], faults: readonly string[]) {
    const others = known.length === 0 ? 'no other network either' : `there are ${known.join(', ')}`
    const unread = faults.length === 0 ? '' : `; not readable: ${faults.join('; ')}`
    return runtimeError(
      `load network ${name}`,
      `there is no network ${JSON.stringify(name)} in ${this.directory}: ${others}${unread}`,
      { code: 'cni.runtime.no-network', network: name, directory: this.directory },
    )
  }
}

/** Files with one of the extensions, by name; none if the directory is not there. */
function filesIn(directory: string, extensions: readonly string[]): string[] {
  let names: string[]
  try {
    names = ifThere(() => readdirSync(directory)) ?? []
  } catch (error) {
    throw cniError('io', `list ${directory}`, `cannot list ${directory}: ${errorText(error)}`)
  }
  const paths = names.filter(name => extensions.includes(extname(name))).sort()
  return paths.map(name => join(directory, name)).filter(path => !isDirectory(path))
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
}

/** Throws `cni.io` (5) for what cannot be read, is no regular file (reading a pipe would wait) or is too long. */
function readBounded(path: string): Uint8Array {
  try {
    const { size } = checkRegular(path)
    if (size <= MAX_FILE_BYTES) return readFileSync(path)
  } catch (error) {
    throw cniError('io', `read ${path}`, `cannot read ${path}: ${errorText(error)}`)
  }
  throw cniError('io', `read ${path}`, `${path} has more than ${MAX_FILE_BYTES} bytes`)
}

function checkRegular(path: string) {
  const facts = statSync(path)
  if (facts.isFile()) return facts
  throw new Error('it is no regular file')
}
