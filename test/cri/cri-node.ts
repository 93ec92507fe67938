import { randomUUID } from 'node:crypto'
import type { CriClient, PodSandboxConfig } from '../../src/cri/index.ts'
import { nodeCgroup } from '../../src/lab/containerd/cgroups.ts'
import { POD_IMAGE } from '../../src/lab/containerd/image.ts'
import { agentGet } from '../../src/lab/daemons.ts'
import { killAgent, restartAgent } from '../../src/lab/faults/agent.ts'
import type { Lab } from '../../src/lab/lab.ts'
import { NODE_PATHS } from '../../src/lab/layout.ts'
import type { LabNode } from '../../src/lab/state.ts'
import { NodeHost } from './node-host.ts'

export interface Sandbox {
  readonly id: string
  readonly config: PodSandboxConfig
  readonly address: string
}

/** One node of a lab, its containerd spoken to as kubelet would. */
export class CriNode {
  readonly cri: CriClient
  private readonly lab: Lab
  private readonly node: LabNode

  constructor(lab: Lab, node: LabNode) {
    this.lab = lab
    this.node = node
    this.cri = lab.cri(node)
  }

  /** RunPodSandbox, and the address that PodSandboxStatus then tells. */
  async run(name: string): Promise<Sandbox> {
    const config: PodSandboxConfig = {
      metadata: { name, uid: randomUUID(), namespace: 'default', attempt: 0 },
      hostname: name,
      logDirectory: '',
      labels: new Map(),
      annotations: new Map(),
      linux: { cgroupParent: nodeCgroup(this.lab.paths.directory, this.node.name) },
    }
    const id = await this.cri.runPodSandbox(config)
    const { addresses } = await this.cri.podSandboxStatus(id)
    return { id, config, address: addresses[0] ?? '' }
  }

  /** Runs a command in a container of the sandbox: exit status and what it printed. */
  async exec({ id, config }: Sandbox, command: readonly string[]) {
    const metadata = { name: randomUUID(), attempt: 0 }
    const container = { metadata, image: { image: POD_IMAGE }, command: [], args: [], envs: [] }
    const containerId = await this.cri.createContainer(id, container, config)
    await this.cri.startContainer(containerId)
    return this.cri.execSync(containerId, command, 20)
  }

  async remove(id: string): Promise<void> {
    await this.cri.stopPodSandbox(id)
    await this.cri.removePodSandbox(id)
  }

  async removeAll(): Promise<void> {
    for (const id of await this.cri.listPodSandbox()) await this.remove(id)
  }

  killAgent(): Promise<void> {
    return killAgent(this.lab, this.node)
  }

  async restartAgent(): Promise<void> {
    await restartAgent(this.lab, this.node)
  }

  /** Everything on the node that is there because of a pod: of the kernel, the agent, containerd and libcni. */
  async traces(): Promise<{ readonly [what: string]: readonly unknown[] }> {
    const host = new NodeHost(this.lab, this.node)
    const attachments = await agentGet(this.lab, this.node, '/attachments')
    return {
      sandboxes: await this.cri.listPodSandbox(),
      cables: await host.cables(),
      attachments: JSON.parse(attachments.body),
      namespaces: host.list(NODE_PATHS.netns),
      results: host.list(`${NODE_PATHS.cniCache}/results`),
    }
  }
}
