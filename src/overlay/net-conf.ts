import { errorText } from '../base/index.ts'
import { tryParsePrefix } from '../ip/index.ts'
import { type BackendType, checkObject, type NetworkConfig } from '../model/index.ts'
import { netConfError } from './errors.ts'
import { familyNetwork } from './family-network.ts'
import { quote } from './finding.ts'
import {
  BACKEND_KEYS,
  NETWORK_KEYS,
  RANGE_KEYS,
  SWITCHES,
  UNSUPPORTED,
  ZERO_IS_ABSENT,
} from './net-conf-keys.ts'
import { type KeyLines, keyLines } from './net-conf-lines.ts'
import { type BlockRange, blockRange } from './net-conf-ranges.ts'

export interface NetConfOptions {
  /** Of the NetworkConfig it becomes. */
  readonly name: string
  /** The file does not say; flannel's flag `--ip-masq` does. */
  readonly masquerade: boolean
  /** Nor this: `--ip-masq-fully-random-disable`, the other way round. Default true. */
  readonly masqueradeRandomFully?: boolean
  /** Nor this: `--iptables-forward-rules`. Default true. */
  readonly forwardRules?: boolean
}

type JsonObject = Readonly<Record<string, unknown>>

/**
 * Reads flannel's net-conf.json, with its keys and defaults (no `Backend` is `udp`), as a NetworkConfig. What flannel
 * would ignore in silence is refused: an unknown key, a network whose family is not enabled, a key given twice.
 *
 * @throws PodlaceError `overlay.net-conf` that names the key and its line
 */
export function parseNetConf(text: string, options: NetConfOptions): NetworkConfig {
  return read(text, options, []).config
}

/** What stands in etcd, where nodes choose their blocks themselves. */
export interface EtcdNetConf {
  readonly config: NetworkConfig
  /** At most one a family, IPv4 first. */
  readonly ranges: readonly BlockRange[]
}

/**
 * The same file as flannel has it in etcd: nodes take blocks between its limits, and each has one of IPv4, with which
 * the key of its lease begins.
 *
 * @throws PodlaceError `overlay.net-conf`
 */
export function parseEtcdNetConf(text: string, options: NetConfOptions): EtcdNetConf {
  const { config, file, places } = read(text, options, RANGE_KEYS)
  if (familyNetwork(config, 4) === undefined)
    throw fault(places, 'Network', 'is missing: in etcd every node has an IPv4 block')
  const ranges = ([4, 6] as const).flatMap(family => {
    const own = familyNetwork(config, family)
    if (own === undefined) return []
    const range = blockRange(own.network, own.blockLength, file)
    if ('fault' in range) throw fault(places, range.key, range.fault)
    return [range]
  })
  return { config, ranges }
}

/** @param more keys that are known besides */
function read(text: string, options: NetConfOptions, more: readonly string[]) {
  const { name, masquerade, masqueradeRandomFully = true, forwardRules = true } = options
  const file = parseObject(text)
  const places = keyLines(text)
  if (places.twice !== undefined) throw fault(places, places.twice, 'is given twice')
  const backend = backendOf(file, places)
  const spec = {
    ...networksOf(file, places, more),
    backend: backend.config,
    masquerade,
    ...(masqueradeRandomFully ? {} : { masqueradeRandomFully }),
    ...(forwardRules ? {} : { forwardRules }),
  }
  const metadata = { name, uid: name, resourceVersion: '0', creationTimestamp: '1970-01-01T00:00:00Z' }
  const object = { apiVersion: 'podlace.dev/v1alpha1', kind: 'NetworkConfig', metadata, spec }
  const checked = checkObject('NetworkConfig', object)
  if (checked.ok) return { config: checked.object, file, places }
  const [issue] = checked.issues
  throw fault(places, flannelPath(issue?.path ?? '', backend.type), issue?.message ?? 'is not valid')
}

function parseObject(text: string): JsonObject {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    // The parser may quote the text, where keys stand.
    const message = errorText(error).replace(/, (?:\.\.\.)?".*/s, '')
    const line = /\(line (\d+) /.exec(message)?.[1]
    throw netConfError(`is not JSON: ${message}`, line === undefined ? undefined : Number(line))
  }
  if (isObject(value)) return value
  throw netConfError('expected an object like {"Network": "10.244.0.0/16", "Backend": {"Type": "vxlan"}}')
}

function networksOf(file: JsonObject, places: KeyLines, more: readonly string[]): Record<string, unknown> {
  refuseUnknown(file, '', [...Object.keys(NETWORK_KEYS), ...SWITCHES, 'Backend', ...more], places)
  const enabled = new Map(SWITCHES.map(key => [key, file[key] ?? key === 'EnableIPv4']))
  for (const [key, value] of enabled) {
    if (typeof value !== 'boolean') throw fault(places, key, `expected true or false, found ${found(value)}`)
  }
  for (const [key, network] of [
    ['EnableIPv4', 'Network'],
    ['EnableIPv6', 'IPv6Network'],
  ] as const) {
    const isGiven = isThere(network, file[network])
    if (enabled.get(key) === true && !isGiven)
      throw fault(places, key, `is true, so expected ${network}, found none`)
    if (enabled.get(key) === false && isGiven)
      throw fault(places, network, `is given, but ${key} is not true`)
  }
  const spec = renamed(file, NETWORK_KEYS)
  return {
    ...withLength(spec['network'], 'subnetLength', 24),
    ...withLength(spec['ipv6Network'], 'ipv6SubnetLength', 64),
    ...spec,
  }
}

/** flannel's default: a block of `usual` length if four of them fit, else a quarter of the network. */
function withLength(network: unknown, key: string, usual: number): Record<string, number> {
  const prefix = typeof network === 'string' ? tryParsePrefix(network) : undefined
  return prefix === undefined || prefix.length <= usual - 2 ? {} : { [key]: prefix.length + 2 }
}

function backendOf(file: JsonObject, places: KeyLines): { type: BackendType; config: object } {
  const { Backend: backend = { Type: 'udp' } } = file
  if (!isObject(backend)) throw fault(places, 'Backend', `expected an object, found ${found(backend)}`)
  const { Type, ...keys } = backend
  const type = typeof Type === 'string' ? Type.toLowerCase() : ''
  if (!isBackendType(type)) {
    const known = Object.keys(BACKEND_KEYS).join(', ')
    throw fault(places, 'Backend.Type', `expected one of ${known}, found ${found(Type)}`)
  }
  refuseUnknown(keys, 'Backend.', ['Type', ...Object.keys(BACKEND_KEYS[type])], places)
  return { type, config: { type, ...renamed(keys, BACKEND_KEYS[type]) } }
}

function refuseUnknown(object: JsonObject, path: string, known: readonly string[], places: KeyLines): void {
  for (const key of Object.keys(object)) {
    if (known.includes(key)) continue
    const reason = path === '' ? UNSUPPORTED.get(key) : undefined
    throw fault(places, `${path}${key}`, reason ?? `unknown key; known here: ${known.join(', ')}`)
  }
}

function renamed(object: JsonObject, keys: Readonly<Record<string, string>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(keys).flatMap(([theirs, ours]) => {
      const value = object[theirs]
      return isThere(theirs, value) ? [[ours, value]] : []
    }),
  )
}

function isThere(key: string, value: unknown): boolean {
  return value !== undefined && value !== null && !((value === 0 || value === '') && ZERO_IS_ABSENT.has(key))
}

/** `spec.backend.vni` as the file has it: `Backend.VNI`. */
function flannelPath(path: string, type: BackendType): string {
  const [, first = '', second = ''] = path.split('.')
  if (first !== 'backend') return keyOf(NETWORK_KEYS, first)
  return second === '' ? 'Backend' : `Backend.${keyOf(BACKEND_KEYS[type], second)}`
}

function keyOf(keys: Readonly<Record<string, string>>, ours: string): string {
  return Object.keys(keys).find(theirs => keys[theirs] === ours) ?? ours
}

function fault({ lines }: KeyLines, path: string, text: string) {
  return netConfError(path === '' ? text : `${path}: ${text}`, lines.get(path))
}

function found(value: unknown): string {
  return value === undefined ? 'nothing' : quote(JSON.stringify(value))
}

function isBackendType(type: string): type is BackendType {
  return Object.hasOwn(BACKEND_KEYS, type)
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
