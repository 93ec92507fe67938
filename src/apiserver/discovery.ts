import type { Hono } from 'hono'
import { allKinds, apiVersionOf, type KindInfo } from '../model/index.ts'
import type { Env } from './routes.ts'

const verbs = ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch']
const statusVerbs = ['get', 'patch', 'update']

/** What kubectl reads first: which groups, versions and resources there are. */
export function addDiscovery(app: Hono<Env>, version: string): void {
  const groups = Map.groupBy(allKinds(), info => info.group)
  const named = [...groups].filter(([group]) => group !== '').map(([group, kinds]) => groupOf(group, kinds))
  app.get('/version', c => c.json(versionInfo(version)))
  app.get('/api', c => c.json({ kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] }))
  app.get('/apis', c => c.json({ kind: 'APIGroupList', apiVersion: 'v1', groups: named }))
  for (const group of named) {
    app.get(`/apis/${group.name}`, c => c.json({ kind: 'APIGroup', apiVersion: 'v1', ...group }))
  }
  for (const [groupVersion, kinds] of Map.groupBy(allKinds(), apiVersionOf)) {
    const root = groupVersion.includes('/') ? '/apis' : '/api'
    app.get(`${root}/${groupVersion}`, c => c.json(resourceList(groupVersion, kinds)))
  }
}

function groupOf(name: string, kinds: readonly KindInfo[]) {
  const versions = [...new Set(kinds.map(info => info.version))].map(version => ({
    groupVersion: `${name}/${version}`,
    version,
  }))
  return { name, versions, preferredVersion: versions[0] }
}

function resourceList(groupVersion: string, kinds: readonly KindInfo[]) {
  const resources = kinds.flatMap(info => {
    const { kind, plural, singular, shortNames, namespaced } = info
    const whole = { name: plural, singularName: singular, namespaced, kind, verbs, shortNames }
    const status = { name: `${plural}/status`, singularName: '', namespaced, kind, verbs: statusVerbs }
    return info.statusSubresource ? [whole, status] : [whole]
  })
  return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion, resources }
}

/** The Kubernetes version is the one whose behaviour we follow; the rest says who we are. */
function versionInfo(version: string) {
  return {
    major: '1',
    minor: '34',
    gitVersion: `v1.34.0+podlace-${version}`,
    gitCommit: '',
    gitTreeState: '',
    buildDate: '',
    goVersion: '',
    compiler: `node ${process.versions.node}`,
    platform: `${process.platform}/${process.arch}`,
  }
}
