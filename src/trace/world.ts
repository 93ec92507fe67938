import type { Entry } from '../kernel/index.ts'

/** Everything a packet can meet between two pods, as values: entries of each namespace, and what joins namespaces. */
export interface TraceWorld {
  readonly namespaces: readonly TraceNamespace[]
  readonly veths: readonly VethPair[]
  /** Who answers to which address on the underlay. */
  readonly underlay: readonly UnderlayAddress[]
}

export interface TraceNamespace {
  /** Of a node its name, of a pod too: `node-1`, `web-1`. Unique. */
  readonly name: string
  readonly kind: 'node' | 'pod'
  readonly entries: readonly TraceEntry[]
}

/** An entry with the objects it came from, in words: `Node node-3`. */
export interface TraceEntry {
  readonly entry: Entry
  readonly because: readonly string[]
}

/** The two ends of a veth pair. */
export interface VethPair {
  readonly a: Place
  readonly b: Place
}

/** An interface, wherever it is. */
export interface Place {
  readonly namespace: string
  readonly link: string
}

/** A node's interface on the underlay. */
export interface UnderlayAddress extends Place {
  readonly address: string
}

/** One thing that happens to the packet. */
export interface TraceStep {
  /** `pod web-1`, `node-1 cni0`, `wire` */
  readonly where: string
  /** `10.244.3.0/24 via 10.244.3.0 dev flannel.1`; of the last step of a packet that is lost, what is missing. */
  readonly what: string
  /** Objects that account for it; empty for what no object of ours accounts for. */
  readonly because: readonly string[]
}

/** A packet's way. The last step of an unreachable one says what is missing. */
export interface Trace {
  readonly steps: readonly TraceStep[]
  readonly verdict: 'reached' | 'unreachable'
}
