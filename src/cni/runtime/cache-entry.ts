import * as v from 'valibot'
import { issuesText } from '../../base/index.ts'
import { cniError } from '../errors.ts'
import { isObject } from '../json-object.ts'
import type { Attachment } from './attachment.ts'
import { formatGoField } from './go-json.ts'
import { type JsonObject, parseOutsideJson } from './outside-json.ts'

/** What is kept of an ADD for CHECK, DEL and GC. */
export interface CacheEntry {
  readonly network: string
  readonly attachment: Attachment
  /** The network list as it was at the ADD. */
  readonly config: Uint8Array
  readonly result?: JsonObject
}

const KIND = 'cniCacheV1'

/** Kept whole: valibot's own objects leave out keys such as `constructor`. */
const object = v.custom<JsonObject>(isObject, 'Expected an object')

const schema = v.object({
  kind: v.literal(KIND),
  containerId: v.string(),
  config: v.pipe(v.string(), v.base64('must be base64')),
  ifName: v.string(),
  networkName: v.string(),
  netns: v.exactOptional(v.string()),
  cniArgs: v.exactOptional(v.array(v.tuple([v.string(), v.string()]))),
  capabilityArgs: v.exactOptional(object),
  result: v.exactOptional(object),
})

/** The text of a cache file, byte for byte as libcni writes it (`cachedInfo` in its api.go). */
export function encodeCacheEntry({ network, attachment, config, result }: CacheEntry): string {
  const { containerId, ifName, netns = '', args = [], capabilityArgs = {} } = attachment
  const fields = [
    formatGoField('kind', KIND),
    formatGoField('containerId', containerId),
    formatGoField('config', Buffer.from(config).toString('base64')),
    formatGoField('ifName', ifName),
    formatGoField('networkName', network),
    ...(netns === '' ? [] : [formatGoField('netns', netns)]),
    ...(args.length === 0 ? [] : [formatGoField('cniArgs', args)]),
    ...(isEmpty(capabilityArgs) ? [] : [formatGoField('capabilityArgs', capabilityArgs)]),
    ...(result === undefined || isEmpty(result) ? [] : [formatGoField('result', result)]),
  ]
  return `{${fields.join(',')}}`
}

/** Throws `cni.decode` (6) or `cni.invalid-configuration` (7). */
export function decodeCacheEntry(bytes: Uint8Array, source: string): CacheEntry {
  const op = `read ${source}`
  const parsed = v.safeParse(schema, parseOutsideJson(bytes, op, source))
  if (!parsed.success) {
    throw cniError('invalid-configuration', op, `${source} is no cache file: ${issuesText(parsed.issues)}`)
  }
  const { containerId, ifName, netns, cniArgs, capabilityArgs, networkName, config, result } = parsed.output
  return {
    network: networkName,
    attachment: {
      containerId,
      ifName,
      ...(netns === undefined ? {} : { netns }),
      ...(cniArgs === undefined ? {} : { args: cniArgs }),
      ...(capabilityArgs === undefined ? {} : { capabilityArgs }),
    },
    config: Buffer.from(config, 'base64'),
    ...(result === undefined ? {} : { result }),
  }
}

function isEmpty(value: JsonObject): boolean {
  return Object.keys(value).length === 0
}
