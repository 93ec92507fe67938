import type { TunnelEndpoint, TunnelPeer } from '../tunnel/index.ts'

/** What a plan wants besides the kernel's entries; the agent sees to it by other means. */
export type OverlayEffect = TunnelEffect | TunnelPeerEffect | StartupEffect | SubnetEffect

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

/** A program to run, without a shell. */
export interface Command {
  readonly program: string
  readonly args: readonly string[]
  /** Beside the agent's own. */
  readonly environment: Readonly<Record<string, string>>
  /** Standard input. */
  readonly input: string
}

/** Programs of this node's start: one before it tells of itself, one after. */
export interface StartupEffect {
  readonly kind: 'startup'
  readonly before?: Command
  readonly after?: Command
}

/** A peer's subnets are to be known to programs: one is told of them, and one when they are not wanted any more. */
export interface SubnetEffect {
  readonly kind: 'subnet'
  readonly subnets: readonly string[]
  readonly add?: Command
  readonly remove?: Command
}

export function effectKey(effect: OverlayEffect): string {
  switch (effect.kind) {
    case 'tunnel':
    case 'startup':
      return effect.kind
    case 'subnet':
      return `subnet ${effect.subnets.join(' ')}`
    case 'tunnel-peer':
      return `tunnel-peer ${effect.peer.prefixes.join(' ')}`
  }
}
