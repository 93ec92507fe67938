import * as v from 'valibot'
import { issuesText } from '../../base/index.ts'
import { identifier } from '../config.ts'
import { cniError } from '../errors.ts'
import { isObject } from '../json-object.ts'
import { CNI_VERSIONS, type CniVersion, parseVersion } from '../versions.ts'
import { formatGoJson } from './go-json.ts'
import { type JsonObject, parseOutsideJson } from './outside-json.ts'

/** One plugin of a list. */
export interface PluginObject {
  readonly type: string
  /** What the runtime may tell it in `runtimeConfig`. */
  readonly capabilities: Readonly<Record<string, boolean>>
  /** The object as its author wrote it. */
  readonly raw: JsonObject
}

/** A network configuration list (CNI specification 1.1.0, section 1). */
export interface NetworkList {
  readonly name: string
  /** The newest version that the list offers and we speak. */
  readonly cniVersion: CniVersion
  readonly disableCheck: boolean
  readonly disableGc: boolean
  readonly loadOnlyInlinedPlugins: boolean
  readonly plugins: readonly PluginObject[]
  /** The list as it stood in its file, which the cache keeps; without plugins from other files. */
  readonly bytes: Uint8Array
}

/** The specification says boolean; libcni also takes the word. */
const flag = v.union(
  [
    v.boolean(),
    v.pipe(
      v.string(),
      v.toLowerCase(),
      v.picklist(['true', 'false']),
      v.transform(text => text === 'true'),
    ),
  ],
  issue => `Expected true or false but received ${issue.received}`,
)

/** Looked at and kept whole: valibot's own objects leave out keys such as `constructor`. */
const pluginSchema = v.pipe(
  v.custom<JsonObject>(isObject, 'Expected an object'),
  v.transform(raw => ({ raw, type: raw['type'], capabilities: raw['capabilities'] })),
  v.object({
    raw: v.custom<JsonObject>(isObject),
    type: identifier,
    capabilities: v.optional(v.record(v.string(), v.boolean()), {}),
  }),
)

const listSchema = v.looseObject({
  name: identifier,
  cniVersion: v.exactOptional(v.string()),
  cniVersions: v.exactOptional(
    v.array(v.pipe(v.string(), v.regex(/^\d+\.\d+\.\d+$/, 'must be three numbers, as 1.1.0'))),
  ),
  disableCheck: v.exactOptional(flag, false),
  disableGC: v.exactOptional(flag, false),
  loadOnlyInlinedPlugins: v.exactOptional(flag, false),
  plugins: v.exactOptional(v.pipe(v.array(pluginSchema), v.minLength(1, 'must name a plugin'))),
})

const singleSchema = v.looseObject({ type: identifier, name: identifier })

/**
 * Reads a network list. Its `plugins` may be empty here: more may lie in a directory of the network's name.
 *
 * Throws `cni.decode` (6), `cni.invalid-configuration` (7) or `cni.incompatible-version` (1); `source` names the
 * bytes in the message.
 */
export function parseNetworkList(bytes: Uint8Array, source: string): NetworkList {
  const list = validate(listSchema, parseOutsideJson(bytes, op(source), source), source)
  if (list.plugins === undefined && list.loadOnlyInlinedPlugins) {
    throw cniError(
      'invalid-configuration',
      op(source),
      `${source}: loadOnlyInlinedPlugins is set, and plugins is missing`,
    )
  }
  return {
    name: list.name,
    cniVersion: chooseVersion(list.cniVersion, list.cniVersions),
    disableCheck: list.disableCheck,
    disableGc: list.disableGC,
    loadOnlyInlinedPlugins: list.loadOnlyInlinedPlugins,
    plugins: list.plugins ?? [],
    bytes,
  }
}

/** Reads one plugin of a list from a file of its own. Throws as `parseNetworkList` does. */
export function parsePlugin(bytes: Uint8Array, source: string): PluginObject {
  return validate(pluginSchema, parseOutsideJson(bytes, op(source), source), source)
}

/**
 * Reads a configuration of one plugin with the network's name in it, as they were written before there were lists,
 * and makes a list of it. Throws as `parseNetworkList` does.
 */
export function parseSingleConfiguration(bytes: Uint8Array, source: string): NetworkList {
  const raw = parseOutsideJson(bytes, op(source), source)
  const { name } = validate(singleSchema, raw, source)
  const list = { cniVersion: raw['cniVersion'] ?? '', name, plugins: [raw] }
  return parseNetworkList(Buffer.from(formatGoJson(list)), source)
}

/** Of what is offered the newest that we speak; a list that offers only others is refused as one with `cniVersion`. */
function chooseVersion(cniVersion: string | undefined, cniVersions: readonly string[] = []): CniVersion {
  const offered = CNI_VERSIONS.filter(version => version === cniVersion || cniVersions.includes(version))
  return offered.at(-1) ?? parseVersion(cniVersion ?? cniVersions.at(-1))
}

function validate<S extends v.GenericSchema>(schema: S, raw: JsonObject, source: string): v.InferOutput<S> {
  const parsed = v.safeParse(schema, raw)
  if (parsed.success) return parsed.output
  throw cniError('invalid-configuration', op(source), `${source} is not valid: ${issuesText(parsed.issues)}`)
}

function op(source: string): string {
  return `read ${source}`
}
