import { errorText } from '../base/index.ts'
import { agentGet } from './daemons.ts'
import type { Lab } from './lab.ts'
import { isAlive } from './process-identity.ts'
import type { LabSettings } from './settings.ts'
import { type LabNode, processOf } from './state.ts'

export interface LabStatus {
  readonly name: string
  readonly phase: 'building' | 'up' | 'removing'
  readonly createdAt: string
  readonly settings: LabSettings
  readonly directory: string
  readonly nodes: readonly NodeStatus[]
  readonly servers: readonly { readonly role: string; readonly state: 'running' | 'dead' }[]
}

export interface NodeStatus {
  readonly name: string
  readonly address: string
  readonly podCIDR?: string
  /** `ready`, `dead`, `gone` (the node itself does not run) or why it is not ready. */
  readonly agent: string
  readonly pods: readonly { readonly name: string; readonly address?: string }[]
}

/** What runs and what does not; asks the API server and the agents, and gets along without their answers. */
export async function labStatus(lab: Lab): Promise<LabStatus> {
  const { phase, createdAt, settings } = lab.state
  const cidrs = await podCidrs(lab)
  const nodes = await Promise.all(
    lab.state.nodes.map(async node => {
      const podCIDR = cidrs.get(node.name)
      return {
        name: node.name,
        address: node.address,
        ...(podCIDR === undefined ? {} : { podCIDR }),
        agent: await agentState(lab, node),
        pods: lab.podsOf(node).map(({ name, addresses: [address] }) => ({
          name,
          ...(address === undefined ? {} : { address }),
        })),
      }
    }),
  )
  const servers = ['apiserver', 'controller', 'workload'].map(role => ({ role, state: runs(lab, role) }))
  return { name: lab.name, phase, createdAt, settings, directory: lab.paths.directory, nodes, servers }
}

function runs(lab: Lab, role: string): 'running' | 'dead' {
  const identity = processOf(lab.state, role)
  return identity !== undefined && isAlive(identity) ? 'running' : 'dead'
}

/** Pod CIDR by node name; empty if the API server does not answer. */
export async function podCidrs(lab: Lab): Promise<Map<string, string>> {
  const cidrs = new Map<string, string>()
  try {
    for (const node of await lab.api().list('Node')) {
      const cidr = node.spec?.['podCIDR']
      if (typeof cidr === 'string') cidrs.set(node.metadata.name, cidr)
    }
  } catch {
    // the status of the servers tells
  }
  return cidrs
}

async function agentState(lab: Lab, node: LabNode): Promise<string> {
  if (runs(lab, `node ${node.name}`) === 'dead') return 'gone'
  if (runs(lab, `agent ${node.name}`) === 'dead') return 'dead'
  try {
    const answer = await agentGet(lab, node, '/readyz')
    return answer.status === 200 ? 'ready' : `not ready: ${answer.body.trim()}`
  } catch (error) {
    return `not ready: ${errorText(error)}`
  }
}
