import type { Kernel, NamespaceHandle } from '../kernel/index.ts'

/** A pod's namespace while a call lasts; held longer, it would keep a dead pod's namespace alive. */
export interface PodNamespace extends NamespaceHandle {
  readonly fds: { readonly netns: number; readonly ipv6?: number }
  /** SO_NETNS_COOKIE: never used twice in one life of the machine. */
  readonly cookie: bigint
  /**
   * Closing the kernel leaves the namespace's descriptors open. Throws `cni.decode` (6) for a namespace of which the shim
   * passed the identity alone, as it does for plugins that work on the host.
   */
  openKernel(): Kernel
}
