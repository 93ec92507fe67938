import { allKinds, apiVersionOf, type KindInfo } from '../model/index.ts'

/** What a path names: all objects of a kind, those of a namespace, one object, or one object's status. */
export interface Route {
  readonly info: KindInfo
  readonly namespace?: string
  readonly name?: string
  readonly status: boolean
}

const kindsByPath: ReadonlyMap<string, KindInfo> = new Map(
  allKinds().map(info => [
    `${info.group === '' ? 'api' : 'apis'}/${apiVersionOf(info)}/${info.plural}`,
    info,
  ]),
)

/**
 * Reads `/api/v1/nodes/worker-2/status` or `/apis/<group>/<version>/namespaces/<namespace>/<plural>`. Undefined if the
 * path names nothing of ours, or is not rightly escaped.
 */
export function routeOf(path: string): Route | undefined {
  const segments = segmentsOf(path)
  if (segments === undefined) return undefined
  const [root = '', ...rest] = segments
  const version = rest.splice(0, root === 'api' ? 1 : 2)
  const namespace = rest.length > 2 && rest[0] === 'namespaces' ? rest.splice(0, 2)[1] : undefined
  const [plural, name, subresource, ...more] = rest
  const info = kindsByPath.get([root, ...version, plural].join('/'))
  if (info === undefined || more.length > 0) return undefined
  // without a namespace only the objects of all namespaces can be named
  if (namespace === undefined ? info.namespaced && name !== undefined : !info.namespaced) return undefined
  const status = subresource === 'status' && info.statusSubresource
  if (subresource !== undefined && !status) return undefined
  return {
    info,
    status,
    ...(namespace === undefined ? {} : { namespace }),
    ...(name === undefined ? {} : { name }),
  }
}

function segmentsOf(path: string): string[] | undefined {
  const escaped = path.split('/').slice(1)
  if (escaped.includes('')) return undefined
  try {
    return escaped.map(decodeURIComponent)
  } catch {
    return undefined
  }
}
