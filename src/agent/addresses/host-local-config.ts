import * as v from 'valibot'
import { type CniRoute, routeSchema } from '../../attach/index.ts'
import { issuesText } from '../../base/index.ts'
import { cniError, isAtLeast, type NetworkConfiguration } from '../../cni/index.ts'
import { firstHost, formatAddress, parsePrefix, tryParseAddress, tryParsePrefix } from '../../ip/index.ts'
import { type AddressRange, tryParseExclusion } from '../../ipam/index.ts'

/** The `ipam` object of type `host-local`, with its defaults in place. */
export interface HostLocalConfig {
  readonly dataDir: string
  /** One address is given out of each set. */
  readonly rangeSets: readonly (readonly AddressRange[])[]
  readonly routes: readonly CniRoute[]
  readonly resolvConf?: string
  /** A pod that comes back under its name has the addresses again that it had, if they are free. */
  readonly sticky: boolean
}

const DEFAULT_DATA_DIR = '/var/lib/cni/networks'

const prefix = v.pipe(
  v.string(),
  v.check(text => tryParsePrefix(text) !== undefined, 'not a network prefix such as 10.1.0.0/16'),
)
const exclusion = v.pipe(
  v.string(),
  v.check(
    text => tryParseExclusion(text) !== undefined,
    'not an address, a prefix, or addresses such as 10.1.0.40-10.1.0.49',
  ),
)
/** Programs that write configurations leave out what is empty, or write it as null or an empty text. */
const maybeAddress = v.nullish(
  v.pipe(
    v.string(),
    v.check(text => text === '' || tryParseAddress(text) !== undefined, 'not an IP address'),
  ),
)
const bounds = {
  rangeStart: maybeAddress,
  rangeEnd: maybeAddress,
  gateway: maybeAddress,
  exclude: v.nullish(v.array(exclusion)),
}
const rangeSet = v.pipe(
  v.array(v.object({ subnet: prefix, ...bounds })),
  v.minLength(1),
  v.check(
    set => new Set(set.map(({ subnet }) => tryParsePrefix(subnet)?.family)).size === 1,
    'both IPv4 and IPv6 in one set',
  ),
)
const rangeSets = v.nullish(v.array(rangeSet), [])
const ipam = v.looseObject({
  subnet: v.exactOptional(prefix),
  ...bounds,
  ranges: rangeSets,
  routes: v.nullish(v.array(routeSchema), []),
  dataDir: v.nullish(v.string(), ''),
  resolvConf: v.nullish(v.string(), ''),
  sticky: v.nullish(v.boolean(), false),
})
const schema = v.pipe(
  ipam,
  v.check(
    ({ subnet, exclude }) => subnet !== undefined || !exclude,
    'exclude goes with subnet, or into each of the ranges',
  ),
)
/** `ipRanges` of the runtime. */
const runtimeSchema = v.looseObject({ ipRanges: rangeSets })

type Range = v.InferOutput<typeof rangeSet>[number]

/** Throws `cni.invalid-configuration` (7) that names the key. */
export function parseHostLocalConfig(config: NetworkConfiguration): HostLocalConfig {
  const { subnet, ranges, routes, dataDir, resolvConf, sticky, ...bounds } = parse(
    schema,
    config.ipam?.raw ?? {},
    `ipam of network ${config.name}`,
  )
  const { ipRanges } = parse(
    runtimeSchema,
    config.raw['runtimeConfig'] ?? {},
    `runtimeConfig of network ${config.name}`,
  )
  // The runtime's come first, then the older form: one range at the top level.
  const legacy = subnet === undefined ? [] : [[{ subnet, ...bounds }]]
  const sets = [...ipRanges, ...legacy, ...ranges].map(set => set.map(toRange))
  refuseTooMany(config, sets)
  return {
    dataDir: dataDir === '' ? DEFAULT_DATA_DIR : dataDir,
    rangeSets: sets,
    routes,
    ...(resolvConf === '' ? {} : { resolvConf }),
    sticky,
  }
}

function parse<S extends v.GenericSchema>(schema: S, raw: unknown, what: string): v.InferOutput<S> {
  const parsed = v.safeParse(schema, raw)
  if (parsed.success) return parsed.output
  throw cniError(
    'invalid-configuration',
    `read ${what}`,
    `${what} is not valid: ${issuesText(parsed.issues)}`,
  )
}

/** Results before 0.3.0 have room for one address of a family. */
function refuseTooMany({ name, cniVersion }: NetworkConfiguration, sets: HostLocalConfig['rangeSets']): void {
  if (isAtLeast(cniVersion, '0.3.0')) return
  const families = sets.flatMap(set => set.slice(0, 1)).map(range => parsePrefix(range.prefix).family)
  if (new Set(families).size === families.length) return
  const message = `ipam of network ${name} has several range sets of a family, which CNI ${cniVersion} cannot answer: use 0.3.0 or newer`
  throw cniError('invalid-configuration', `read network ${name}`, message)
}

/** The gateway defaults to the first host of the subnet and is never handed out. */
function toRange({ subnet, rangeStart, rangeEnd, gateway, exclude }: Range): AddressRange {
  return {
    prefix: subnet,
    gateway: gateway || firstHostOf(subnet),
    ...(rangeStart ? { rangeStart } : {}),
    ...(rangeEnd ? { rangeEnd } : {}),
    ...(exclude && exclude.length > 0 ? { exclusions: exclude } : {}),
  }
}

function firstHostOf(subnet: string): string {
  return formatAddress(firstHost(parsePrefix(subnet)))
}
