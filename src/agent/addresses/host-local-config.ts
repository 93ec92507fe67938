import * as v from 'valibot'
import type { CniDns, CniRoute } from '../../attach/index.ts'
import { issuesText } from '../../base/index.ts'
import { cniError, type NetworkConfiguration } from '../../cni/index.ts'
import { firstHost, formatAddress, tryParseAddress, tryParsePrefix } from '../../ip/index.ts'
import type { AddressRange } from '../../ipam/index.ts'

/** The `ipam` object of type `host-local`, with its defaults in place. */
export interface HostLocalConfig {
  readonly dataDir: string
  /** One address is given out of each set. */
  readonly rangeSets: readonly (readonly AddressRange[])[]
  readonly routes: readonly CniRoute[]
  readonly resolvConf?: string
}

const DEFAULT_DATA_DIR = '/var/lib/cni/networks'

const address = v.pipe(
  v.string(),
  v.check(text => tryParseAddress(text) !== undefined, 'not an IP address'),
)
const prefix = v.pipe(
  v.string(),
  v.check(text => tryParsePrefix(text) !== undefined, 'not a network prefix such as 10.1.0.0/16'),
)
const size = v.pipe(v.number(), v.integer(), v.minValue(0))
const range = {
  subnet: prefix,
  rangeStart: v.exactOptional(address),
  rangeEnd: v.exactOptional(address),
  gateway: v.exactOptional(address),
}
const schema = v.looseObject({
  ...v.partial(v.object(range)).entries,
  ranges: v.optional(v.array(v.pipe(v.array(v.object(range)), v.minLength(1))), []),
  routes: v.optional(
    v.array(
      v.object({
        dst: prefix,
        gw: v.exactOptional(address),
        mtu: v.exactOptional(size),
        advmss: v.exactOptional(size),
        priority: v.exactOptional(size),
        table: v.exactOptional(size),
        scope: v.exactOptional(size),
      }),
    ),
    [],
  ),
  dataDir: v.optional(v.string(), ''),
  resolvConf: v.optional(v.string(), ''),
})

type Range = v.InferOutput<v.ObjectSchema<typeof range, undefined>>

/** Throws `cni.invalid-configuration` (7) that names the key. */
export function parseHostLocalConfig({ name, ipam }: NetworkConfiguration): HostLocalConfig {
  const parsed = v.safeParse(schema, ipam?.raw ?? {})
  if (!parsed.success) throw invalid(name, `ipam is not valid: ${issuesText(parsed.issues)}`)
  const { subnet, rangeStart, rangeEnd, gateway, ranges, routes, dataDir, resolvConf } = parsed.output
  // The older form: one range at the top level, which counts as the first set.
  const legacy: Range | undefined =
    subnet === undefined ? undefined : present({ subnet, rangeStart, rangeEnd, gateway })
  return {
    dataDir: dataDir === '' ? DEFAULT_DATA_DIR : dataDir,
    rangeSets: [...(legacy === undefined ? [] : [[legacy]]), ...ranges].map(set => set.map(toRange)),
    routes,
    ...(resolvConf === '' ? {} : { resolvConf }),
  }
}

/** The gateway defaults to the first host of the subnet and is never handed out. */
function toRange({ subnet, rangeStart, rangeEnd, gateway }: Range): AddressRange {
  return present({ prefix: subnet, rangeStart, rangeEnd, gateway: gateway ?? firstHostOf(subnet) })
}

function firstHostOf(subnet: string): string | undefined {
  const parsed = tryParsePrefix(subnet)
  return parsed && formatAddress(firstHost(parsed))
}

/** resolv.conf(5), the lines that a CNI result has room for. */
export function parseResolvConf(text: string): CniDns {
  const nameservers: string[] = []
  const options: string[] = []
  let dns: CniDns = {}
  for (const line of text.split('\n')) {
    const [keyword, ...values] = line
      .replace(/[#;].*/, '')
      .trim()
      .split(/\s+/)
    if (keyword === 'nameserver') nameservers.push(...values.slice(0, 1))
    else if (keyword === 'domain' && values[0] !== undefined) dns = { ...dns, domain: values[0] }
    else if (keyword === 'search') dns = { ...dns, search: values }
    else if (keyword === 'options') for (const value of values) options.push(value)
  }
  return {
    ...(nameservers.length === 0 ? {} : { nameservers }),
    ...dns,
    ...(options.length === 0 ? {} : { options }),
  }
}

/** The object without its undefined fields. */
function present<T extends object>(fields: { readonly [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T
}

function invalid(network: string, message: string) {
  return cniError('invalid-configuration', `read network ${network}`, message)
}
