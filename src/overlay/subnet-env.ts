import {
  addressBits,
  type Family,
  firstHost,
  formatInterfaceAddress,
  formatPrefix,
  type Prefix,
  tryParseAddress,
  tryParsePrefix,
} from '../ip/index.ts'
import type { NetworkConfig } from '../model/index.ts'
import { ownBlocks } from './blocks.ts'
import { subnetEnvError } from './errors.ts'
import { quote } from './finding.ts'
import type { OverlaySelf } from './node.ts'
import { overlayMtu } from './plan.ts'

/** `/run/flannel/subnet.env`: how the node's daemon tells the CNI plugin what block and MTU it has. */
export interface SubnetEnv {
  /** Prefixes of the pod network; flannel writes one, and reads several. */
  readonly networks: readonly string[]
  /** First host of the node's block, with the block's length: `10.244.1.1/24`. */
  readonly subnet?: string
  readonly ipv6Networks: readonly string[]
  readonly ipv6Subnet?: string
  /** Bytes. */
  readonly mtu: number
  /** True if the daemon masquerades; the plugin does it otherwise. */
  readonly ipMasq: boolean
}

/** What this node's file should say. */
export function subnetEnvFor(config: NetworkConfig, self: OverlaySelf): SubnetEnv {
  const blocks = ownBlocks(config, self)
  const v4 = blocks.find(own => own.family === 4)
  const v6 = blocks.find(own => own.family === 6)
  return {
    networks: v4 === undefined ? [] : [formatPrefix(v4.network)],
    ...(v4 === undefined ? {} : { subnet: gatewayOf(v4.block) }),
    ipv6Networks: v6 === undefined ? [] : [formatPrefix(v6.network)],
    ...(v6 === undefined ? {} : { ipv6Subnet: gatewayOf(v6.block) }),
    mtu: overlayMtu(config, self),
    ipMasq: config.spec.masquerade ?? true,
  }
}

function gatewayOf(block: Prefix): string {
  return formatInterfaceAddress(firstHost(block), block.length)
}

/** The file's text, its lines in flannel's order. */
export function renderSubnetEnv(env: SubnetEnv): string {
  const lines: string[] = []
  if (env.networks.length > 0) lines.push(`FLANNEL_NETWORK=${env.networks.join(',')}`)
  if (env.subnet !== undefined) lines.push(`FLANNEL_SUBNET=${env.subnet}`)
  if (env.ipv6Networks.length > 0) lines.push(`FLANNEL_IPV6_NETWORK=${env.ipv6Networks.join(',')}`)
  if (env.ipv6Subnet !== undefined) lines.push(`FLANNEL_IPV6_SUBNET=${env.ipv6Subnet}`)
  lines.push(`FLANNEL_MTU=${env.mtu}`, `FLANNEL_IPMASQ=${env.ipMasq}`)
  return `${lines.join('\n')}\n`
}

/** Reads the file. Unknown keys pass, as in flannel. Throws `overlay.subnet-env` that names the line. */
export function parseSubnetEnv(text: string): SubnetEnv {
  const values = readLines(text)
  const networks = read(values, 'FLANNEL_NETWORK', value => prefixes(value, 4), 'IPv4 prefixes') ?? []
  const subnet = read(values, 'FLANNEL_SUBNET', value => hostAddress(value, 4), 'an IPv4 address with length')
  const ipv6Networks =
    read(values, 'FLANNEL_IPV6_NETWORK', value => prefixes(value, 6), 'IPv6 prefixes') ?? []
  const ipv6Subnet = read(
    values,
    'FLANNEL_IPV6_SUBNET',
    value => hostAddress(value, 6),
    'an IPv6 address with length',
  )
  const mtu = read(values, 'FLANNEL_MTU', wholeNumber, 'a number of bytes from 68 to 65535')
  const ipMasq = read(values, 'FLANNEL_IPMASQ', value => TRUTH.get(value.toLowerCase()), 'true or false')
  const missing = [
    ...(subnet === undefined && ipv6Subnet === undefined ? ['FLANNEL_SUBNET or FLANNEL_IPV6_SUBNET'] : []),
    ...(subnet !== undefined && networks.length === 0 ? ['FLANNEL_NETWORK'] : []),
    ...(ipv6Subnet !== undefined && ipv6Networks.length === 0 ? ['FLANNEL_IPV6_NETWORK'] : []),
    ...(mtu === undefined ? ['FLANNEL_MTU'] : []),
    ...(ipMasq === undefined ? ['FLANNEL_IPMASQ'] : []),
  ]
  if (mtu === undefined || ipMasq === undefined || missing.length > 0) {
    throw subnetEnvError(
      `subnet.env lacks ${missing.join(', ')}: the node's network daemon has not finished it`,
    )
  }
  const v4 = subnet === undefined ? {} : { subnet }
  return { networks, ...v4, ipv6Networks, ...(ipv6Subnet === undefined ? {} : { ipv6Subnet }), mtu, ipMasq }
}

interface Value {
  readonly text: string
  /** 1 for the first. */
  readonly line: number
}

function readLines(text: string): ReadonlyMap<string, Value> {
  const values = new Map<string, Value>()
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim()
    if (line === '' || line.startsWith('#')) continue
    const at = line.indexOf('=')
    if (at <= 0) throw subnetEnvError(`line ${index + 1} is not KEY=VALUE: ${quote(line)}`, index + 1)
    values.set(line.slice(0, at), { text: line.slice(at + 1).replace(/^"(.*)"$/, '$1'), line: index + 1 })
  }
  return values
}

/** An empty value counts as absent. */
function read<T>(
  values: ReadonlyMap<string, Value>,
  key: string,
  parse: (text: string) => T | undefined,
  expected: string,
): T | undefined {
  const found = values.get(key)
  if (found === undefined || found.text === '') return undefined
  const parsed = parse(found.text)
  if (parsed !== undefined) return parsed
  throw subnetEnvError(`line ${found.line}: ${key} is ${quote(found.text)}, expected ${expected}`, found.line)
}

const TRUTH: ReadonlyMap<string, boolean> = new Map([
  ['true', true],
  ['1', true],
  ['false', false],
  ['0', false],
])

/** Prefixes with commas between. */
function prefixes(text: string, family: Family): readonly string[] | undefined {
  const found: string[] = []
  for (const part of text.split(',')) {
    const prefix = tryParsePrefix(part.trim())
    if (prefix === undefined || prefix.family !== family) return undefined
    found.push(formatPrefix(prefix))
  }
  return found
}

function hostAddress(text: string, family: Family): string | undefined {
  const [host = '', length = ''] = text.split('/')
  const address = tryParseAddress(host)
  if (address === undefined || address.family !== family || !/^\d{1,3}$/.test(length)) return undefined
  if (Number(length) > addressBits(family)) return undefined
  return formatInterfaceAddress(address, Number(length))
}

function wholeNumber(text: string): number | undefined {
  const number = /^\d{1,5}$/.test(text) ? Number(text) : 0
  return number >= 68 && number <= 65_535 ? number : undefined
}
