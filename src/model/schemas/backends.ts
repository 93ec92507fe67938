import * as v from 'valibot'
import { commandWords } from '../../base/index.ts'
import type { BackendType } from '../backends.ts'
import { parseWireguardKey } from '../wireguard-key.ts'
import { closedObject, integerBetween } from './common.ts'

/** No shell reads it: what only a shell understands is refused. */
const command = v.pipe(
  v.string(),
  v.rawCheck(({ dataset, addIssue }) => {
    const words = dataset.typed ? commandWords(dataset.value) : {}
    if ('fault' in words) addIssue({ message: `expected a program and its arguments: ${words.fault}` })
  }),
)

/** Says nothing of what it found: it may be a key but for one character. */
const wireguardKey = v.pipe(
  v.string('expected a key of 32 bytes in base64, as `wg genpsk` makes it'),
  v.check(
    text => parseWireguardKey(text) !== undefined,
    'expected a key of 32 bytes in base64, as `wg genpsk` makes it',
  ),
)

const schemas = {
  vxlan: closedObject({
    type: v.literal('vxlan'),
    vni: v.optional(integerBetween(1, 16_777_215)),
    port: v.optional(integerBetween(1, 65_535, 'a UDP port')),
    mtu: v.optional(integerBetween(576, 65_535, 'an MTU in bytes')),
    directRouting: v.optional(v.boolean()),
    learning: v.optional(v.boolean()),
    gbp: v.optional(v.boolean()),
  }),
  'host-gw': closedObject({ type: v.literal('host-gw') }),
  udp: closedObject({ type: v.literal('udp'), port: v.optional(integerBetween(1, 65_535, 'a UDP port')) }),
  alloc: closedObject({ type: v.literal('alloc') }),
  extension: closedObject({
    type: v.literal('extension'),
    preStartupCommand: v.optional(command),
    postStartupCommand: v.optional(command),
    subnetAddCommand: v.optional(command),
    subnetRemoveCommand: v.optional(command),
  }),
  ipip: closedObject({ type: v.literal('ipip'), directRouting: v.optional(v.boolean()) }),
  wireguard: v.pipe(
    closedObject({
      type: v.literal('wireguard'),
      listenPort: v.optional(integerBetween(1, 65_535, 'a UDP port')),
      listenPortV6: v.optional(integerBetween(1, 65_535, 'a UDP port')),
      mtu: v.optional(integerBetween(576, 65_535, 'an MTU in bytes')),
      presharedKey: v.optional(wireguardKey),
      persistentKeepaliveSeconds: v.optional(integerBetween(0, 65_535)),
      mode: v.optional(v.picklist(['separate', 'auto', 'ipv4', 'ipv6'])),
    }),
    v.check(
      ({ mode = 'separate', listenPort = 51_820, listenPortV6 = 51_821 }) =>
        mode !== 'separate' || listenPort !== listenPortV6,
      'expected listenPort and listenPortV6 to differ, as mode separate has a tunnel at each, found the same',
    ),
  ),
} as const satisfies Readonly<Record<BackendType, v.GenericSchema>>

const names = Object.keys(schemas)
const types = `${names.slice(0, -1).join(', ')} or ${names.at(-1) ?? ''}`

/** `spec.backend` of a NetworkConfig: each type has keys of its own, and no others. */
export const backendSchema = v.variant(
  'type',
  Object.values(schemas),
  issue => `expected a backend whose type is ${types}, found ${issue.received}`,
)
