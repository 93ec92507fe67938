import { commandWords } from '../base/index.ts'
import { formatPrefix } from '../ip/index.ts'
import type { ExtensionBackend } from '../model/index.ts'
import type { Backend, LocalBlock, PeerSide } from './backend.ts'
import type { Command, StartupEffect, SubnetEffect } from './effect.ts'
import type { PeerData } from './node.ts'

/**
 * extension: programs of the administrator carry packets. One runs before the node tells of itself, and what it prints
 * is told along; one when the node has its block; one for each peer that comes, and one for each that goes.
 */
export function extensionBackend(config: ExtensionBackend): Backend {
  const { type, preStartupCommand, postStartupCommand, subnetAddCommand, subnetRemoveCommand } = config
  return {
    type,
    families: [4, 6],
    tunnelPorts: [],
    mtu: undefined,
    overhead: () => 0,
    published: ({ preStartupOutput }) => (preStartupCommand === undefined ? undefined : preStartupOutput),
    awaits: ({ preStartupOutput }) => preStartupCommand !== undefined && preStartupOutput === undefined,
    nodeEntries: () => [],
    nodeEffects: (_self, blocks) => [
      {
        kind: 'startup',
        ...withCommand('before', preStartupCommand, {}, ''),
        ...withCommand('after', postStartupCommand, startupEnvironment(blocks), ''),
      } satisfies StartupEffect,
    ],
    peerEntries: (_self, sides) => ({
      entries: [],
      effects: sides.length === 0 ? [] : [subnet(sides, subnetAddCommand, subnetRemoveCommand)],
      faults: [],
    }),
  }
}

/** A peer's data: a text, as JSON has it; absent if its agent runs no such program. */
export function readExtensionData(value: unknown): PeerData | string {
  if (value === null || value === undefined) return { type: 'extension', text: '' }
  return typeof value === 'string' ? { type: 'extension', text: value } : 'expected a text'
}

function subnet(
  sides: readonly PeerSide[],
  add: string | undefined,
  remove: string | undefined,
): SubnetEffect {
  const environment = subnetEnvironment(sides)
  const input =
    sides.map(({ peer }) => (peer.data?.type === 'extension' ? peer.data.text : '')).find(Boolean) ?? ''
  return {
    kind: 'subnet',
    subnets: sides.map(({ peer }) => peer.podCidr),
    ...withCommand('add', add, environment, input),
    ...withCommand('remove', remove, environment, input),
  }
}

function startupEnvironment(blocks: readonly LocalBlock[]): Record<string, string> {
  const [v4, v6] = ([4, 6] as const).map(family => blocks.find(block => block.family === family))
  return {
    ...(v4 === undefined ? {} : { NETWORK: formatPrefix(v4.network), SUBNET: formatPrefix(v4.block) }),
    ...(v6 === undefined
      ? {}
      : { IPV6NETWORK: formatPrefix(v6.network), IPV6SUBNET: formatPrefix(v6.block) }),
    ...publicAddresses(v4?.local, v6?.local),
  }
}

function subnetEnvironment(sides: readonly PeerSide[]): Record<string, string> {
  const [v4, v6] = ([4, 6] as const).map(family => sides.find(({ own }) => own.family === family)?.peer)
  return {
    ...(v4 === undefined ? {} : { SUBNET: v4.podCidr }),
    ...(v6 === undefined ? {} : { IPV6SUBNET: v6.podCidr }),
    ...publicAddresses(v4?.publicAddress, v6?.publicAddress),
  }
}

function publicAddresses(v4: string | undefined, v6: string | undefined): Record<string, string> {
  return {
    ...(v4 === undefined ? {} : { PUBLIC_IP: v4 }),
    ...(v6 === undefined ? {} : { PUBLIC_IPV6: v6 }),
  }
}

/** The model has refused what is no command. */
function withCommand<K extends string>(
  key: K,
  line: string | undefined,
  environment: Readonly<Record<string, string>>,
  data: string,
): { readonly [P in K]?: Command } {
  const words = line === undefined ? undefined : commandWords(line)
  if (words === undefined || 'fault' in words) return {}
  const command: Command = { ...words, environment, input: `${data}\n` }
  return { [key]: command } as { readonly [P in K]?: Command }
}
