import { randomUUID } from 'node:crypto'
import * as v from 'valibot'
import { errorText } from '../../base/index.ts'
import type { CriClient, PodSandboxConfig } from '../../cri/index.ts'
import { labError } from '../errors.ts'
import type { PodRuntime, StartedPod } from '../pod-runtime.ts'
import { identify, isAlive, type ProcessIdentity } from '../process-identity.ts'
import type { LabPod } from '../state.ts'
import { POD_IMAGE } from './image.ts'

export interface ContainerdRuntimeOptions {
  readonly cri: CriClient
  /** Control group of the node's containers. */
  readonly cgroup: string
}

/** What containerd tells of a sandbox when it is asked to be verbose; the part that we need. */
const sandboxInfo = v.object({
  runtimeSpec: v.object({
    linux: v.object({ namespaces: v.array(v.object({ type: v.string(), path: v.optional(v.string()) })) }),
  }),
})
const containerInfo = v.object({ pid: v.number() })

/** Pods that are containers, run by the node's containerd as kubelet would ask for them. */
export class ContainerdRuntime implements PodRuntime {
  private readonly options: ContainerdRuntimeOptions

  constructor(options: ContainerdRuntimeOptions) {
    this.options = options
  }

  async start(name: string): Promise<StartedPod> {
    const { cri } = this.options
    const config = sandboxConfig(name, this.options.cgroup)
    const containerId = await cri.runPodSandbox(config)
    try {
      const { addresses, info } = await cri.podSandboxStatus(containerId)
      const { namespaces } = readInfo(sandboxInfo, info).runtimeSpec.linux
      // A symbolic link of the node that would be followed on the machine.
      const netns =
        namespaces.find(({ type }) => type === 'network')?.path?.replace(/^\/var\/run\//, '/run/') ?? ''
      return {
        containerId,
        netns,
        addresses: [...addresses],
        process: await this.startContainer(containerId, config),
      }
    } catch (error) {
      await this.remove(containerId).catch(() => undefined) // the first error is the one to tell
      throw error
    }
  }

  stop(pod: LabPod): Promise<void> {
    return this.remove(pod.containerId)
  }

  enter({ name, process }: LabPod): string[] {
    if (process !== undefined && isAlive(process)) {
      return ['nsenter', '--target', String(process.pid), '--mount', '--net', '--pid', '--ipc', '--uts', '--']
    }
    const message = `the container of pod ${name} has ended`
    throw labError(`enter pod ${name}`, message, { code: 'lab.ended', role: name, log: [] })
  }

  private async startContainer(sandbox: string, config: PodSandboxConfig): Promise<ProcessIdentity> {
    const { cri } = this.options
    const container = {
      metadata: { name: 'main', attempt: 0 },
      image: { image: POD_IMAGE },
      command: [],
      args: [],
      envs: [],
    }
    const id = await cri.createContainer(sandbox, container, config)
    await cri.startContainer(id)
    const process = identify(readInfo(containerInfo, await cri.containerInfo(id)).pid)
    if (process !== undefined) return process
    const role = config.metadata?.name ?? sandbox
    throw labError(`start pod ${role}`, `the container of pod ${role} ended at once`, {
      code: 'lab.ended',
      role,
      log: [],
    })
  }

  private async remove(sandbox: string): Promise<void> {
    const { cri } = this.options
    await cri.stopPodSandbox(sandbox)
    await cri.removePodSandbox(sandbox)
  }
}

function sandboxConfig(name: string, cgroup: string): PodSandboxConfig {
  return {
    metadata: { name, uid: randomUUID(), namespace: 'default', attempt: 0 },
    hostname: name,
    logDirectory: '',
    labels: new Map(),
    annotations: new Map(),
    linux: { cgroupParent: cgroup },
  }
}

function readInfo<T>(schema: v.GenericSchema<unknown, T>, info: string | undefined): T {
  try {
    return v.parse(schema, JSON.parse(info ?? ''))
  } catch (error) {
    const message = `containerd told of a pod what this lab cannot use: ${errorText(error)}`
    throw labError('ask containerd', message, { code: 'lab.containerd' }, error)
  }
}
