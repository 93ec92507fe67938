import * as v from 'valibot'
import { issuesText } from '../base/index.ts'
import { type CniParameters, cniError, type NetworkConfiguration } from '../cni/index.ts'
import { DHCP_OPTION, type DhcpOptions } from '../packet/index.ts'

/** Options of the reference plugin that have names; the others are written as numbers. */
const NAMED: ReadonlyMap<string, number> = new Map([
  ['dhcp-client-identifier', DHCP_OPTION.clientIdentifier],
  ['subnet-mask', DHCP_OPTION.subnetMask],
  ['routers', DHCP_OPTION.routers],
  ['host-name', DHCP_OPTION.hostName],
  ['user-class', DHCP_OPTION.userClass],
  ['vendor-class-identifier', DHCP_OPTION.vendorClass],
])

/** In the order of RFC 3442: a server that looks at the first ones only finds classless routes before routers. */
const REQUESTED_BY_DEFAULT: readonly number[] = [
  DHCP_OPTION.subnetMask,
  DHCP_OPTION.classlessRoutes,
  DHCP_OPTION.routers,
  DHCP_OPTION.staticRoutes,
  DHCP_OPTION.nameServers,
  DHCP_OPTION.domainName,
  DHCP_OPTION.domainSearch,
]

/** What makes a lease a lease, asked for whatever the configuration says. */
const ALWAYS_REQUESTED: readonly number[] = [
  DHCP_OPTION.leaseTime,
  DHCP_OPTION.renewalTime,
  DHCP_OPTION.rebindingTime,
]

/** Written by the client itself, for the message at hand. */
const RESERVED: ReadonlySet<number> = new Set([
  0,
  DHCP_OPTION.requestedAddress,
  DHCP_OPTION.overload,
  DHCP_OPTION.messageType,
  DHCP_OPTION.serverIdentifier,
  DHCP_OPTION.parameterRequestList,
  DHCP_OPTION.maximumMessageSize,
  255,
])

const option = v.pipe(
  v.string(),
  v.check(
    text => codeOf(text) !== undefined,
    ({ input }) =>
      `expected a number from 1 to 254 or one of ${[...NAMED.keys()].join(', ')}, found "${input}"`,
  ),
)

const provided = v.pipe(
  option,
  v.check(
    text => !RESERVED.has(codeOf(text) ?? 0),
    ({ input }) => `option ${input} is the client's own`,
  ),
)

/** The keys of `ipam`; runtimes and other daemons have keys of their own. */
const schema = v.looseObject({
  provide: v.nullish(
    v.array(
      v.looseObject({
        option: provided,
        value: v.exactOptional(v.pipe(v.string(), v.maxBytes(255))),
        fromArg: v.exactOptional(v.string()),
      }),
    ),
    [],
  ),
  request: v.nullish(
    v.array(v.looseObject({ skipDefault: v.exactOptional(v.boolean()), option: v.exactOptional(option) })),
    [],
  ),
  priority: v.nullish(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(0xffffffff)), 0),
})

/** What a network wants of its clients. */
export interface ClientSettings {
  /** In every message but RELEASE. */
  readonly options: DhcpOptions
  /** Metric of the routes; 0 leaves it to the kernel. */
  readonly priority: number
}

/** Throws `cni.invalid-configuration` (7) that names the key. */
export function clientSettings(config: NetworkConfiguration, parameters: CniParameters): ClientSettings {
  const parsed = v.safeParse(schema, config.ipam?.raw ?? {})
  if (!parsed.success) {
    const found = `ipam of network ${config.name} is not valid: ${issuesText(parsed.issues)}`
    throw cniError('invalid-configuration', 'read the network configuration', found)
  }
  const { provide, request, priority } = parsed.output
  const options = new Map<number, Uint8Array>([
    [DHCP_OPTION.clientIdentifier, clientIdentifier(config.name, parameters)],
    [DHCP_OPTION.maximumMessageSize, Uint8Array.of(1500 >> 8, 1500 & 0xff)],
    [DHCP_OPTION.parameterRequestList, Uint8Array.from(requestedCodes(request))],
  ])
  for (const { option: name, value = '', fromArg = '' } of provide) {
    const text = parameters.args.get(fromArg) ?? value
    if (text !== '') options.set(codeOf(name) ?? 0, Buffer.from(text))
  }
  return { options, priority }
}

/** As the reference plugin makes it: type 0, which says that it is no hardware address, and who the interface is. */
function clientIdentifier(network: string, { containerId, ifName }: CniParameters): Uint8Array {
  return Buffer.from(`\0${containerId}/${network}/${ifName}`).subarray(0, 255)
}

function requestedCodes(
  request: readonly { readonly skipDefault?: boolean; readonly option?: string }[],
): ReadonlySet<number> {
  const skipsDefault = request.some(({ skipDefault }) => skipDefault === true)
  const asked = request.flatMap(({ option: name }) => (name === undefined ? [] : [codeOf(name) ?? 0]))
  return new Set([...(skipsDefault ? [] : REQUESTED_BY_DEFAULT), ...asked, ...ALWAYS_REQUESTED])
}

function codeOf(text: string): number | undefined {
  const named = NAMED.get(text)
  if (named !== undefined) return named
  const code = /^\d{1,3}$/.test(text) ? Number(text) : 0
  return code > 0 && code < 255 ? code : undefined
}
