import { randomBytes } from 'node:crypto'
import type { CniRuntime, JsonObject } from '../cni/index.ts'
import { commandOutput, runCommand } from './command.ts'
import { inside, insidePod } from './holder.ts'
import { NODE_PATHS } from './layout.ts'
import type { PodRuntime, StartedPod } from './pod-runtime.ts'
import type { ProcessIdentity } from './process-identity.ts'
import { attachmentOf, LOOPBACK_NETWORK, POD_NETWORK, type PodOnCni, resultAddresses } from './runtime.ts'
import type { LabPod } from './state.ts'

export interface NamespaceRuntimeOptions {
  readonly holder: ProcessIdentity
  /** Of every process that is started. */
  readonly env: Readonly<Record<string, string>>
  readonly cni: CniRuntime
}

/** Pods that are network namespaces and nothing else: a command in one sees the files of its node. */
export class NamespaceRuntime implements PodRuntime {
  private readonly options: NamespaceRuntimeOptions

  constructor(options: NamespaceRuntimeOptions) {
    this.options = options
  }

  async start(name: string): Promise<StartedPod> {
    const pod = { name, containerId: randomBytes(16).toString('hex'), netns: `${NODE_PATHS.netns}/${name}` }
    try {
      await this.makeNetns(pod)
      const result = await this.attach(pod)
      return { ...pod, addresses: resultAddresses(result) }
    } catch (error) {
      await this.stop(pod).catch(() => undefined) // the first error is the one to tell
      throw error
    }
  }

  async stop(pod: PodOnCni): Promise<void> {
    const { cni, holder } = this.options
    try {
      await cni.del(POD_NETWORK, attachmentOf(pod))
      await cni.del(LOOPBACK_NETWORK, attachmentOf(pod, 'lo'))
    } finally {
      const script = 'umount -l "$1" 2>/dev/null; rm -f "$1"'
      await runCommand([...inside(holder, 'net+mount'), 'sh', '-c', script, 'sh', pod.netns])
    }
  }

  enter(pod: LabPod): string[] {
    return insidePod(this.options.holder, pod.netns)
  }

  /** `ip netns add` inside the node's mount namespace: the file holds the namespace, no process need be in it. */
  private async makeNetns({ name, netns }: PodOnCni): Promise<void> {
    const { holder, env } = this.options
    const script = 'touch "$1" && exec unshare --net="$1" true'
    const argv = [...inside(holder, 'net+mount'), 'sh', '-c', script, 'sh', netns]
    await commandOutput(`make the namespace of pod ${name}`, argv, { env })
  }

  private async attach(pod: PodOnCni): Promise<JsonObject> {
    const { cni } = this.options
    await cni.add(LOOPBACK_NETWORK, attachmentOf(pod, 'lo'))
    return cni.add(POD_NETWORK, attachmentOf(pod))
  }
}
