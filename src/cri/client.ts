import { connect } from 'node:net'
import type { Clock } from '../base/index.ts'
import { GrpcChannel, type Method } from '../grpc/index.ts'
import {
  type ContainerConfig,
  METHODS,
  type PodSandboxConfig,
  type RuntimeCondition,
  SANDBOX_READY,
} from './messages.ts'

export interface CriClientOptions {
  /** Of the runtime: `/run/containerd/containerd.sock`. */
  readonly socketPath: string
  readonly clock: Clock
  /** Of one call; default two minutes, as kubelet has it. */
  readonly timeoutMs?: number
}

export interface SandboxStatus {
  readonly ready: boolean
  /** The first is the pod's own; none once it is stopped. */
  readonly addresses: readonly string[]
  /** What the runtime tells besides; JSON, different from runtime to runtime. */
  readonly info: string | undefined
}

/** A container runtime as kubelet sees it (CRI `runtime.v1`). Every call is a connection of its own, and throws GrpcError. */
export class CriClient {
  private readonly options: CriClientOptions

  constructor(options: CriClientOptions) {
    this.options = options
  }

  version() {
    return this.call(METHODS.version, { version: 'v1' })
  }

  /** `RuntimeReady` and `NetworkReady`. */
  async conditions(): Promise<readonly RuntimeCondition[]> {
    const { status } = await this.call(METHODS.status, {})
    return status?.conditions ?? []
  }

  /** Makes the pod's namespaces and attaches its network; its id. */
  async runPodSandbox(config: PodSandboxConfig): Promise<string> {
    return (await this.call(METHODS.runPodSandbox, { config })).podSandboxId
  }

  /** Ends its containers and detaches its network. Stopping it twice is no error. */
  async stopPodSandbox(podSandboxId: string): Promise<void> {
    await this.call(METHODS.stopPodSandbox, { podSandboxId })
  }

  /** One that is gone is no error. */
  async removePodSandbox(podSandboxId: string): Promise<void> {
    await this.call(METHODS.removePodSandbox, { podSandboxId })
  }

  /** @throws GrpcError `grpc.refused` with status 5 if there is none */
  async podSandboxStatus(podSandboxId: string): Promise<SandboxStatus> {
    const { status, info } = await this.call(METHODS.podSandboxStatus, { podSandboxId, verbose: true })
    const { ip = '', additionalIps = [] } = status?.network ?? {}
    return {
      ready: status?.state === SANDBOX_READY,
      addresses: [ip, ...additionalIps.map(additional => additional.ip)].filter(address => address !== ''),
      info: info.get('info'),
    }
  }

  /** Ids of all sandboxes, stopped ones too. */
  async listPodSandbox(): Promise<readonly string[]> {
    return (await this.call(METHODS.listPodSandbox, {})).items.map(({ id }) => id)
  }

  /** @param sandboxConfig the one its sandbox was run with */
  async createContainer(
    podSandboxId: string,
    config: ContainerConfig,
    sandboxConfig: PodSandboxConfig,
  ): Promise<string> {
    return (await this.call(METHODS.createContainer, { podSandboxId, config, sandboxConfig })).containerId
  }

  async startContainer(containerId: string): Promise<void> {
    await this.call(METHODS.startContainer, { containerId })
  }

  /** What the runtime tells of a container besides its state; JSON. */
  async containerInfo(containerId: string): Promise<string | undefined> {
    return (await this.call(METHODS.containerStatus, { containerId, verbose: true })).info.get('info')
  }

  /** Runs a command in a container to its end. */
  async execSync(containerId: string, command: readonly string[], timeoutSeconds: number) {
    const answer = await this.call(METHODS.execSync, { containerId, command, timeoutSeconds })
    const { stdout, stderr, exitCode } = answer
    return { stdout: textOf(stdout), stderr: textOf(stderr), exitCode }
  }

  async hasImage(image: string): Promise<boolean> {
    return (await this.call(METHODS.imageStatus, { image: { image } })).image !== undefined
  }

  private async call<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
  ): Promise<Response> {
    const { socketPath, clock, timeoutMs = 120_000 } = this.options
    const peer = `the runtime at ${socketPath}`
    const channel = new GrpcChannel({ peer, connect: () => connect(socketPath), clock })
    try {
      return await channel.call(method, request, { timeoutMs })
    } finally {
      channel.close()
    }
  }
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('utf8')
}
