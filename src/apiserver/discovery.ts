import { allKinds, apiVersionOf, type KindInfo } from '../model/index.ts'
import { type ApiAnswer, jsonAnswer } from './api-request.ts'

const verbs = ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch']
const statusVerbs = ['get', 'patch', 'update']

/** What kubectl reads first, by path: which groups, versions and resources there are. */
export function discoveryAnswers(version: string): Map<string, ApiAnswer> {
  const groups = Map.groupBy(allKinds(), info => info.group)
  const named = [...groups].filter(([group]) => group !== '').map(([group, kinds]) => groupOf(group, kinds))
  const answers = new Map<string, object>([
    ['/version', versionInfo(version)],
    ['/api', { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] }],
    ['/apis', { kind: 'APIGroupList', apiVersion: 'v1', groups: named }],
  ])
  for (const group of named) {
    answers.set(`/apis/${group.name}`, { kind: 'APIGroup', apiVersion: 'v1', ...group })
  }
  for (const [groupVersion, kinds] of Map.groupBy(allKinds(), apiVersionOf)) {
    const root = groupVersion.includes('/') ? '/apis' : '/api'
    answers.set(`${root}/${groupVersion}`, resourceList(groupVersion, kinds))
  }
  return new Map([...answers].map(([path, value]) => [path, jsonAnswer(value)]))
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
