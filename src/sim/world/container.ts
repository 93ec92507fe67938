import { FakeKernel, type FakeNetwork } from '../../kernel/index.ts'

/** What a fake namespace is called outside its room. */
export type Namespace = FakeKernel['namespace']

/**
 * How far the runtime is with a container. `live`: it was told that the ADD succeeded, and has not asked for DEL.
 * `refused`: the ADD was, some time ago, and what it made must be gone. `unknown`: an ADD or DEL is under way or came to nothing.
 */
export type ContainerState = 'unknown' | 'refused' | 'live' | 'deleted'

/** A pod's sandbox as the runtime of a machine knows it. */
export class Container {
  readonly id: string
  readonly cookie: bigint
  /** Undefined once the runtime removed it. */
  namespace: Namespace | undefined
  state: ContainerState = 'unknown'
  /** Addresses the runtime was told, without prefix length. */
  ips: readonly string[] = []
  /** What the runtime was told when the last ADD was refused. */
  refusal = ''
  /** The DEL was answered by the agent itself, so nothing of the attachment may remain. */
  removedForGood = false

  constructor(id: string, cookie: bigint, network: FakeNetwork) {
    this.id = id
    this.cookie = cookie
    this.namespace = new FakeKernel({ network }).namespace
  }

  /** The runtime lets the namespace go: the kernel removes its links, and their other ends. */
  removeNamespace(): void {
    const { namespace } = this
    this.namespace = undefined
    if (namespace === undefined) return
    const present = Array.from(namespace.entries(), ({ entry }) => entry)
    for (const entry of present) {
      if (entry.kind === 'link' && entry.name !== 'lo' && namespace.link(entry.name)) {
        namespace.deleteLink(entry.name)
      }
    }
  }
}
