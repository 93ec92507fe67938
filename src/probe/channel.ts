/**
 * A datagram socket as the probes see it. The real one is `DatagramSocket` of `sys`, opened inside some pod's
 * namespace; tests join two by hand.
 */
export interface DatagramChannel {
  /** Sends one datagram; throws if the kernel refuses it (no route, for instance). */
  send(bytes: Uint8Array, address: string, port?: number): void
  onMessage(
    callback: (bytes: Uint8Array, from: { readonly address: string; readonly port: number }) => void,
  ): void
  close(): void
}

/** How one probe ended. */
export type ProbeOutcome =
  | { readonly ok: true; readonly rttMs: number }
  /** `reason` in words: `no answer within 1000 ms`, `connection refused`. */
  | { readonly ok: false; readonly reason: string }

export interface ProbeOptions {
  readonly timeoutMs: number
}
