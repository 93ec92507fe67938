import * as v from 'valibot'
import type { CniDns, CniResult } from '../attach/index.ts'
import { issuesText } from '../base/index.ts'
import { duplicateKey } from './duplicate-key.ts'
import { cniError } from './errors.ts'
import { parseJsonObject } from './json-object.ts'
import { IDENTIFIER } from './parameters.ts'
import { parseResult } from './result.ts'
import { type CniVersion, parseVersion } from './versions.ts'

/** One attachment that the runtime still knows, in the list that GC gets. */
export interface AttachmentId {
  readonly containerId: string
  readonly ifName: string
}

/** What `runtimeConfig` may hold (CONVENTIONS.md, "Dynamic plugin specific fields"): the parts we use. */
export interface RuntimeConfig {
  readonly mac?: string
  /** Requested addresses, with or without prefix length. */
  readonly ips?: readonly string[]
  readonly portMappings?: readonly unknown[]
  readonly bandwidth?: Readonly<Record<string, unknown>>
}

/** `args.cni`: what a runtime passes to every plugin of the chain. */
export interface CniArgs {
  readonly mac?: string
  readonly ips?: readonly string[]
  /** Our own key: under this name host-local gives the same addresses again. */
  readonly sticky?: string
}

/** The configuration of one plugin of a network, as it comes on standard input. */
export interface NetworkConfiguration {
  readonly cniVersion: CniVersion
  readonly name: string
  readonly type: string
  readonly ipam?: { readonly type: string; readonly raw: Readonly<Record<string, unknown>> }
  readonly dns?: CniDns
  readonly prevResult?: CniResult
  readonly runtimeConfig: RuntimeConfig
  readonly args: CniArgs
  /** `cni.dev/valid-attachments`; undefined if the key is absent (which is not the same as an empty list). */
  readonly validAttachments?: readonly AttachmentId[]
  /** The whole object as it came, with the keys that belong to the plugin itself. */
  readonly raw: Readonly<Record<string, unknown>>
}

const texts = v.array(v.string())

/** Names of networks and plugin types. */
export const identifier = v.pipe(
  v.string(),
  v.regex(IDENTIFIER, "must start with a letter or a digit and go on with letters, digits, '_', '.' and '-'"),
)

const stickyName = v.pipe(
  v.string(),
  v.regex(/^[\x21-\x7e]{1,253}$/, 'must be 1 to 253 printable ASCII characters without spaces'),
)

const attachments = v.array(v.looseObject({ containerID: v.string(), ifname: v.string() }))

const dns = v.looseObject({
  nameservers: v.exactOptional(texts),
  domain: v.exactOptional(v.string()),
  search: v.exactOptional(texts),
  options: v.exactOptional(texts),
})

/** Runtimes add keys of their own, so unknown ones pass. */
const schema = v.looseObject({
  name: identifier,
  type: identifier,
  // It may name a plugin of somebody else, which is run: no path ever gets that far.
  ipam: v.exactOptional(v.looseObject({ type: v.exactOptional(v.union([v.literal(''), identifier])) })),
  dns: v.exactOptional(dns),
  prevResult: v.exactOptional(v.looseObject({})),
  runtimeConfig: v.exactOptional(
    v.looseObject({
      mac: v.exactOptional(v.string()),
      ips: v.exactOptional(texts),
      portMappings: v.exactOptional(v.array(v.unknown())),
      bandwidth: v.exactOptional(v.looseObject({})),
    }),
  ),
  args: v.exactOptional(
    v.looseObject({
      cni: v.exactOptional(
        v.looseObject({
          mac: v.exactOptional(v.string()),
          ips: v.exactOptional(texts),
          sticky: v.exactOptional(stickyName),
        }),
      ),
    }),
  ),
  capabilities: v.exactOptional(v.record(v.string(), v.boolean())),
  'cni.dev/valid-attachments': v.exactOptional(attachments),
  // What libcni wrote before the specification settled on the name above, and still writes beside it.
  'cni.dev/attachments': v.exactOptional(attachments),
})

/**
 * Reads standard input of a plugin.
 *
 * Throws `cni.decode` (6) for what is not a JSON object, `cni.incompatible-version` (1), and
 * `cni.invalid-configuration` (7) that names the key.
 */
export function parseConfiguration(stdin: Uint8Array): NetworkConfiguration {
  const raw = parseJsonObject(stdin, 'read the network configuration', 'standard input')
  if (raw['sysctl'] !== undefined) refuseTwice(stdin)
  const cniVersion = parseVersion(raw['cniVersion'])
  const parsed = v.safeParse(schema, raw)
  if (!parsed.success) throw invalid(`the network configuration is not valid: ${issuesText(parsed.issues)}`)
  const config = parsed.output
  const valid = config['cni.dev/valid-attachments'] ?? config['cni.dev/attachments']
  const ipamType = config.ipam?.type ?? ''
  return {
    cniVersion,
    name: config.name,
    type: config.type,
    runtimeConfig: config.runtimeConfig ?? {},
    args: config.args?.cni ?? {},
    raw,
    ...(config.ipam === undefined || ipamType === '' ? {} : { ipam: { type: ipamType, raw: config.ipam } }),
    ...(config.dns === undefined ? {} : { dns: config.dns }),
    ...(config.prevResult === undefined ? {} : { prevResult: parseResult(config.prevResult, cniVersion) }),
    ...(valid === undefined
      ? {}
      : { validAttachments: valid.map(one => ({ containerId: one.containerID, ifName: one.ifname })) }),
  }
}

/** What GC is to keep. Throws `cni.invalid-configuration` (7) if the configuration does not say. */
export function requireValidAttachments({
  name,
  validAttachments,
}: NetworkConfiguration): readonly AttachmentId[] {
  if (validAttachments !== undefined) return validAttachments
  throw cniError('invalid-configuration', `collect garbage of ${name}`, 'GC needs cni.dev/valid-attachments')
}

/** Keys of a configuration of type `podlace`: it has nothing to set, the agent's own configuration decides. */
const PODLACE_KEYS: ReadonlySet<string> = new Set([
  'cniVersion',
  'name',
  'type',
  'dns',
  'args',
  'capabilities',
  'runtimeConfig',
  'prevResult',
])

/** Throws `cni.unsupported-field` (2) for a key that type `podlace` does not know. */
export function checkPodlaceKeys(config: NetworkConfiguration): void {
  const unknown = Object.keys(config.raw).filter(key => !PODLACE_KEYS.has(key) && !key.startsWith('cni.dev/'))
  if (unknown.length === 0) return
  throw cniError(
    'unsupported-field',
    `read network ${config.name}`,
    `type podlace does not know ${unknown.map(key => JSON.stringify(key)).join(', ')}: known are ` +
      `${[...PODLACE_KEYS].join(', ')}; addresses, bridge and MTU come from the agent's own configuration`,
  )
}

/** Which of two values a sysctl gets must not hang on a parser. */
function refuseTwice(stdin: Uint8Array): void {
  const key = duplicateKey(Buffer.from(stdin).toString('utf8'), 'sysctl')
  if (key !== undefined) throw invalid(`sysctl ${JSON.stringify(key)} is there twice`)
}

function invalid(message: string) {
  return cniError('invalid-configuration', 'read the network configuration', message)
}
