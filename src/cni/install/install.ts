import { readdirSync, readFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import { ifThere } from '../../base/index.ts'
import { makeDirectory } from '../../sys/index.ts'
import { PLUGIN_TYPES, type PluginType } from '../plugin-types.ts'
import type { Change } from './change.ts'
import { type DirectoryLockOptions, withDirectoryLock } from './directory-lock.ts'
import { explained, installError } from './errors.ts'
import { installNetwork, type NetworkFile, typesOf, uninstallNetwork } from './network-file.ts'
import { giveDirectory } from './ownership.ts'
import { installPlugin, isShim, occupantOf, uninstallPlugin } from './plugin-files.ts'

export interface InstallOptions extends DirectoryLockOptions {
  /** The built shim. */
  readonly shim: string
  /** Where runtimes look for plugins: `/opt/cni/bin`. */
  readonly binDir: string
  /** Where runtimes look for networks: `/etc/cni/net.d`. */
  readonly confDir: string
  /** Types asked for by name must be installed; of `all`, those stay that are other programs. */
  readonly types: readonly PluginType[] | 'all'
  /** Written last of all: with it the node's pods are ours. */
  readonly network?: NetworkFile
  /** Directories that the agent writes, and its user. */
  readonly agent?: { readonly uid: number; readonly directories: readonly string[] }
  /** Puts other programs and networks aside. */
  readonly force: boolean
  /** Who runs this. */
  readonly uid: number
}

export interface InstallReport {
  readonly changes: readonly Change[]
  /** Network files that runtimes find before ours, and take instead. */
  readonly before: readonly string[]
}

/**
 * Puts plugins, directories and the network in place, in this order; each step is whole or not done at all, and a
 * second run does what is missing.
 *
 * Throws `cni.install...`, see errors.ts.
 */
export async function install(options: InstallOptions): Promise<InstallReport> {
  const { binDir, confDir, network, agent } = options
  const shim = readShim(options.shim)
  const needed = network === undefined ? [] : typesOf(network)
  explained(`make ${binDir}`, () => makeDirectory(binDir))
  return withDirectoryLock(binDir, options, () => {
    const changes = installPlugins(shim, options)
    for (const directory of agent?.directories ?? []) changes.push(giveDirectory(directory, agent?.uid ?? 0))
    if (network === undefined) return { changes, before: [] }
    checkPlugins(binDir, needed)
    explained(`make ${confDir}`, () => makeDirectory(confDir))
    changes.push(...installNetwork(confDir, network, options.force))
    return { changes, before: filesBefore(confDir, network.name) }
  })
}

function readShim(path: string): Uint8Array {
  const bytes = explained(`read the shim ${path}`, () => readFileSync(path))
  if (isShim(bytes)) return bytes
  const message = `${path} is not the CNI shim of Podlace: name build/podlace-cni`
  throw installError('read the shim', message, { code: 'cni.install.no-shim', path })
}

function installPlugins(shim: Uint8Array, options: InstallOptions): Change[] {
  const { binDir: directory, types, force, uid } = options
  if (types !== 'all' && !force) refuseForeign(types.map(type => join(directory, type)))
  const wanted = types === 'all' ? PLUGIN_TYPES : types
  return wanted.flatMap(type => installPlugin(type, { directory, shim, uid, force }))
}

/** Before anything is changed. */
function refuseForeign(paths: readonly string[]): void {
  const foreign = paths.filter(path => explained(`read ${path}`, () => occupantOf(path)) === 'foreign')
  if (foreign.length === 0) return
  const message =
    `${foreign.join(', ')}: this is another program. --force keeps it aside under its name with .before-podlace; ` +
    'all networks of this machine that use it get ours then'
  throw installError('install plugins', message, { code: 'cni.install.foreign', paths: foreign })
}

/** A network whose plugins are missing would take the node's pods and attach none. */
function checkPlugins(binDir: string, needed: readonly string[]): void {
  const plugins = needed.filter(
    type => explained(`look for ${type}`, () => occupantOf(join(binDir, type))) === 'none',
  )
  if (plugins.length === 0) return
  const message = `the network needs ${plugins.join(', ')}, which ${binDir} does not have: install them first, or name them with --types`
  throw installError('install the network', message, { code: 'cni.install.plugin-missing', plugins })
}

const NETWORK_KINDS: ReadonlySet<string> = new Set(['.conflist', '.conf', '.json'])

/** Runtimes take the first file by name, of any kind. */
function filesBefore(confDir: string, name: string): string[] {
  const names = explained(`list ${confDir}`, () => readdirSync(confDir))
  return names.filter(other => other < name && NETWORK_KINDS.has(extname(other))).sort()
}

export interface UninstallOptions extends DirectoryLockOptions {
  readonly binDir: string
  readonly confDir: string
  readonly types: readonly PluginType[] | 'all'
  /** Name of the network's file; the first thing to go. */
  readonly network?: string
}

/** Undoes `install`, backwards. Directories of the agent stay: leases and attachments are in them. */
export async function uninstall(options: UninstallOptions): Promise<readonly Change[]> {
  const { binDir, confDir, types, network } = options
  const networkChanges = network === undefined ? [] : uninstallNetwork(confDir, network)
  const wanted = types === 'all' ? PLUGIN_TYPES : types
  const names = explained(`list ${binDir}`, () => ifThere(() => readdirSync(binDir)) ?? [])
  if (!wanted.some(type => names.includes(type))) return networkChanges
  return withDirectoryLock(binDir, options, () => [
    ...networkChanges,
    ...wanted.flatMap(type => uninstallPlugin(type, binDir)),
  ])
}
