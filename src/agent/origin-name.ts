import type { Origin } from '../derive/index.ts'
import type { Agent } from './agent.ts'

/** Sources as people call their items: `Node worker-2`, `Pod default/web-1`. */
export function originName(agent: Agent, { collection, key }: Origin): string {
  switch (collection) {
    case 'nodes':
      return `Node ${key}`
    case 'networks':
      return `network ${key}`
    case 'attachments': {
      const pod = agent.attached.get(key)?.record.wiring.spec.pod
      return pod === undefined ? `attachment ${key}` : `Pod ${pod.namespace}/${pod.name}`
    }
    case 'self':
      return `NetworkConfig ${agent.network?.config.metadata.name ?? ''}`
    default:
      return `${collection} ${key}`
  }
}
