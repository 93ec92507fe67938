import * as v from 'valibot'
import {
  addressSchema,
  type CniDns,
  type CniIp,
  type CniResult,
  type CniRoute,
  countSchema,
  dnsSchema,
  interfaceAddressSchema,
  ipFamily,
  routeSchema,
} from '../attach/index.ts'
import { issuesText } from '../base/index.ts'
import { cniError } from './errors.ts'
import { type CniVersion, isAtLeast, parseVersion } from './versions.ts'

/** 0.3.0 and newer; the version inside an address of 0.x is what its text says anyway. */
const listed = v.object({
  interfaces: v.nullish(
    v.array(
      v.object({
        name: v.string(),
        mac: v.exactOptional(v.string()),
        mtu: v.exactOptional(countSchema),
        sandbox: v.exactOptional(v.string()),
        socketPath: v.exactOptional(v.string()),
        pciID: v.exactOptional(v.string()),
      }),
    ),
    [],
  ),
  ips: v.nullish(
    v.array(
      v.object({
        interface: v.exactOptional(countSchema),
        address: interfaceAddressSchema,
        gateway: v.exactOptional(addressSchema),
      }),
    ),
    [],
  ),
  routes: v.nullish(v.array(routeSchema), []),
  dns: v.nullish(dnsSchema, {}),
})

const single = v.object({
  ip: interfaceAddressSchema,
  gateway: v.exactOptional(addressSchema),
  routes: v.nullish(v.array(routeSchema), []),
})

/** 0.1.0 and 0.2.0: one address a family, no interfaces. */
const paired = v.object({ ip4: v.nullish(single), ip6: v.nullish(single), dns: v.nullish(dnsSchema, {}) })

/**
 * Reads a result (`prevResult`) of any version. Its own `cniVersion` counts; without one, the configuration's.
 *
 * Throws `cni.incompatible-version` (1) or `cni.invalid-configuration` (7).
 */
export function parseResult(raw: Readonly<Record<string, unknown>>, configVersion: CniVersion): CniResult {
  const own = raw['cniVersion']
  const version = own === undefined || own === '' ? configVersion : parseVersion(own)
  if (!isAtLeast(version, '0.3.0')) return fromPaired(parse(paired, raw))
  const result = parse(listed, raw)
  const fault = result.ips.find(ip => (ip.interface ?? 0) >= Math.max(1, result.interfaces.length))
  if (fault !== undefined) {
    throw invalid(
      `address ${fault.address} names interface ${fault.interface} of ${result.interfaces.length}`,
    )
  }
  return result
}

/** The old shape as the new one; which interface an address belongs to, it did not tell. */
function fromPaired(result: v.InferOutput<typeof paired>): CniResult {
  const families = [result.ip4, result.ip6].filter(one => one !== undefined && one !== null)
  return {
    interfaces: [],
    ips: families.map(one => ({
      address: one.ip,
      ...(one.gateway === undefined ? {} : { gateway: one.gateway }),
    })),
    routes: families.flatMap(one => one.routes),
    dns: result.dns,
  }
}

/** A result as a plugin prints it, in the version that the configuration asked for. */
export function formatResult(result: CniResult, version: CniVersion): Record<string, unknown> {
  if (!isAtLeast(version, '0.3.0')) return formatPaired(result, version)
  const newest = isAtLeast(version, '1.1.0')
  const json: Record<string, unknown> = { cniVersion: version }
  if (result.interfaces.length > 0) {
    json['interfaces'] = result.interfaces.map(({ name, mac, mtu, sandbox, socketPath, pciID }) =>
      present(newest ? { name, mac, mtu, sandbox, socketPath, pciID } : { name, mac, sandbox }),
    )
  }
  if (result.ips.length > 0) json['ips'] = result.ips.map(ip => formatIp(ip, !isAtLeast(version, '1.0.0')))
  if (result.routes.length > 0) json['routes'] = result.routes.map(one => formatRoute(one, newest))
  json['dns'] = formatDns(result.dns)
  return json
}

function formatIp(ip: CniIp, withVersion: boolean): Record<string, unknown> {
  const { address, gateway } = ip
  return present({
    version: withVersion ? `${ipFamily(ip)}` : undefined,
    interface: ip.interface,
    address,
    gateway,
  })
}

function formatRoute(one: CniRoute, newest: boolean): Record<string, unknown> {
  const { dst, gw, mtu, advmss, priority, table, scope } = one
  return present(newest ? { dst, gw, mtu, advmss, priority, table, scope } : { dst, gw })
}

function formatDns({ nameservers, domain, search, options }: CniDns): Record<string, unknown> {
  return present({ nameservers, domain, search, options })
}

/** The first address of each family, with the routes of that family: the old shape has room for no more. */
function formatPaired(result: CniResult, version: CniVersion): Record<string, unknown> {
  const json: Record<string, unknown> = { cniVersion: version }
  for (const family of [4, 6] as const) {
    const ip = result.ips.find(one => ipFamily(one) === family)
    if (ip === undefined) continue
    const routes = result.routes.filter(one => ipFamily({ address: one.dst }) === family)
    json[`ip${family}`] = present({
      ip: ip.address,
      gateway: ip.gateway,
      routes: routes.length === 0 ? undefined : routes.map(one => formatRoute(one, false)),
    })
  }
  json['dns'] = formatDns(result.dns)
  return json
}

/** Leaves out what is undefined, as Go's `omitempty` does. */
function present(fields: Record<string, unknown>): Record<string, unknown> {
  const json: Record<string, unknown> = {}
  for (const key of Object.keys(fields)) if (fields[key] !== undefined) json[key] = fields[key]
  return json
}

function parse<S extends v.GenericSchema>(schema: S, raw: unknown): v.InferOutput<S> {
  const parsed = v.safeParse(schema, raw)
  if (parsed.success) return parsed.output
  throw invalid(`it is not valid: ${issuesText(parsed.issues)}`)
}

function invalid(message: string) {
  return cniError('invalid-configuration', 'read prevResult', `prevResult cannot be read: ${message}`)
}
