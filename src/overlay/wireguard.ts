import * as v from 'valibot'
import { issuesText } from '../base/index.ts'
import { addressBits, type Family, firstAddress, formatAddress, formatPrefix } from '../ip/index.ts'
import { type Entry, presharedKeyFingerprint } from '../kernel/index.ts'
import { parseWireguardKey, type WireguardBackend } from '../model/index.ts'
import type { Backend, LocalBlock, PeerOutcome, PeerSide } from './backend.ts'
import { deviceRoute } from './direct-routing.ts'
import type { OverlaySelf, PeerData } from './node.ts'
import { udpPort } from './peer-data.ts'
import { deviceSysctls } from './sysctls.ts'
import { preferredFamily } from './wireguard-endpoint.ts'

/**
 * Outer IPv6 header (40) + UDP (8) + type, receiver and counter (16) + tag (16); as flannel, for both families, so
 * that a peer may be reached over either.
 */
const OVERHEAD = 80

interface Settings {
  readonly mode: NonNullable<WireguardBackend['mode']>
  readonly ports: Readonly<Record<Family, number>>
  readonly persistentKeepaliveSeconds: number
  /** Fingerprint of the key that all nodes share, if they do. */
  readonly presharedKey: string | undefined
}

/**
 * wireguard: the kernel encrypts what goes to peers, and takes from each what its blocks may send. One route leads the
 * whole network into the device: what has no peer there is dropped, and never leaves in the clear.
 */
export function wireguardBackend(config: WireguardBackend): Backend {
  const { type, mode = 'separate', listenPort = 51_820, listenPortV6 = 51_821, mtu } = config
  const { persistentKeepaliveSeconds = 0, presharedKey } = config
  const settings: Settings = {
    mode,
    ports: { 4: listenPort, 6: mode === 'separate' ? listenPortV6 : listenPort },
    persistentKeepaliveSeconds,
    presharedKey: presharedKey && presharedKeyFingerprint(Buffer.from(presharedKey, 'base64')),
  }
  return {
    type,
    families: [4, 6],
    tunnelPorts: [...new Set([settings.ports[4], settings.ports[6]])],
    mtu,
    overhead: () => OVERHEAD,
    published: ({ wireguardKey }, family) => ({ PublicKey: wireguardKey, Port: settings.ports[family] }),
    nodeEntries: (self, blocks) =>
      devicesOf(settings, blocks).flatMap(device => deviceEntries(settings, self, device)),
    peerEntries: (self, sides) =>
      join(tunnelsOf(settings, sides).map(tunnel => planPeer(settings, self, tunnel))),
  }
}

/** One device and the blocks whose packets it carries. */
type Device = readonly [LocalBlock, ...LocalBlock[]]

/** Mode `separate` has a device a family, over an underlay of that family; the others have one for both. */
function devicesOf({ mode }: Settings, blocks: readonly LocalBlock[]): Device[] {
  if (mode === 'separate') return blocks.map(block => [block])
  const [first, ...others] = blocks
  return first === undefined ? [] : [[first, ...others]]
}

/** Names that flannel's users and tools know. */
function deviceName({ mode }: Settings, family: Family): string {
  return mode === 'separate' && family === 6 ? 'flannel-wg-v6' : 'flannel-wg'
}

function deviceEntries(settings: Settings, self: OverlaySelf, blocks: Device): readonly Entry[] {
  const { wireguardKey, hasIpv6 = true } = self
  const { family } = blocks[0]
  const link = deviceName(settings, family)
  if (wireguardKey === undefined) return []
  return [
    {
      kind: 'link',
      type: 'wireguard',
      claim: 'own',
      name: link,
      owner: 'overlay',
      up: true,
      mtu: Math.min(...blocks.map(block => block.mtu)),
    },
    ...deviceSysctls(link, blocks.some(block => block.family === 4) ? 4 : 6, hasIpv6),
    { kind: 'wireguard', link, publicKey: wireguardKey, listenPort: settings.ports[family] },
    ...blocks.flatMap((own): Entry[] => [
      // The source of what the node itself sends to pods elsewhere; no other route follows from it.
      {
        kind: 'address',
        link,
        address: `${formatAddress(firstAddress(own.block))}/${addressBits(own.family)}`,
      },
      deviceRoute(own.family, formatPrefix(own.network), link),
    ]),
  ]
}

/** The sides of a peer that one device carries. */
type Tunnel = readonly [PeerSide, ...PeerSide[]]

function tunnelsOf({ mode }: Settings, sides: readonly PeerSide[]): Tunnel[] {
  if (mode === 'separate') return sides.map(side => [side])
  const [first, ...others] = sides
  return first === undefined ? [] : [[first, ...others]]
}

function planPeer(settings: Settings, self: OverlaySelf, sides: Tunnel): Entry | string {
  const datas = sides.map(({ peer }) => (peer.data?.type === 'wireguard' ? peer.data : undefined))
  const [publicKey, ...others] = new Set(datas.map(data => data?.identity))
  if (publicKey === undefined) return 'it does not tell its public key: its agent has to publish it'
  if (others.length > 0) {
    return `it tells another public key for each family, but mode ${settings.mode} has one tunnel for both: its agent has to use that mode too`
  }
  if (publicKey === self.wireguardKey) {
    return `it has the public key ${publicKey}, which is that of ${self.nodeName}: give one of the two a new key file`
  }
  const family = endpointFamily(settings, self, sides)
  const outer = sides.find(({ own }) => own.family === family)
  if (outer === undefined) {
    return `it tells no IPv${family} address, and mode ${settings.mode} needs one: take mode auto, or give it one`
  }
  const { presharedKey, persistentKeepaliveSeconds } = settings
  const port = datas[sides.indexOf(outer)]?.port ?? settings.ports[family]
  return {
    kind: 'wireguard-peer',
    link: deviceName(settings, sides[0].own.family),
    publicKey,
    endpoint: { address: outer.peer.publicAddress, port },
    allowedIps: sides.map(({ peer }) => peer.podCidr),
    persistentKeepaliveSeconds,
    ...(presharedKey === undefined ? {} : { presharedKey }),
  }
}

/** Of the addresses of a peer, the one that its packets go to. */
function endpointFamily({ mode }: Settings, { uplink }: OverlaySelf, sides: Tunnel): Family {
  if (mode === 'ipv4') return 4
  if (mode === 'ipv6') return 6
  return sides.length === 1
    ? sides[0].own.family
    : preferredFamily(
        uplink,
        sides.map(({ peer }) => peer.publicAddress),
      )
}

function join(plans: readonly (Entry | string)[]): PeerOutcome {
  return {
    entries: plans.filter(plan => typeof plan !== 'string'),
    faults: plans.filter(plan => typeof plan === 'string'),
  }
}

/** flannel writes no port: all its nodes have the same. */
const published = v.object({
  PublicKey: v.pipe(
    v.string(),
    v.check(text => parseWireguardKey(text) !== undefined, 'not 32 bytes in base64'),
  ),
  Port: v.exactOptional(udpPort),
})

/** A peer's `{"PublicKey":"...","Port":51820}`, or what is wrong with it. */
export function readWireguardData(value: unknown): PeerData | string {
  const parsed = v.safeParse(published, value)
  if (!parsed.success) return issuesText(parsed.issues)
  const { PublicKey: identity, Port: port } = parsed.output
  return { type: 'wireguard', identity, ...(port === undefined ? {} : { port }) }
}
