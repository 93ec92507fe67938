import type { TunnelEndpoint, TunnelPeer } from '../tunnel/index.ts'

/** What a plan wants besides the kernel's entries; the agent sees to it by other means. */
export type OverlayEffect = TunnelEffect | TunnelPeerEffect

/** The process that carries packets between a TUN device and a UDP port is to run. */
export interface TunnelEffect {
  readonly kind: 'tunnel'
  readonly device: string
  /** Where this node takes packets of its peers. */
  readonly endpoint: TunnelEndpoint
  /** That of the device: the source of the ICMP errors that the tunnel sends. */
  readonly tunnelAddress: string
  /** Bytes. */
  readonly mtu: number
  readonly localPrefixes: readonly string[]
}

/** It is to know one more peer. */
export interface TunnelPeerEffect {
  readonly kind: 'tunnel-peer'
  readonly peer: TunnelPeer
}

export function effectKey(effect: OverlayEffect): string {
  switch (effect.kind) {
    case 'tunnel':
      return 'tunnel'
    case 'tunnel-peer':
      return `tunnel-peer ${effect.peer.prefixes.join(' ')}`
  }
}
