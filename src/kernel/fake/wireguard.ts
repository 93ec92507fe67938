import { type Entry, entryKey, type WireguardEntry, type WireguardPeerEntry } from '../entry.ts'
import { linkKey } from '../kinds/rules.ts'
import type { WireguardSecrets } from '../wireguard-secrets.ts'
import type { FakeNamespace } from './fake-namespace.ts'
import { refuse } from './refusal.ts'

/** `wg set` of the device itself: it is not its own peer (wg_set_device). */
export function setWireguard(namespace: FakeNamespace, entry: WireguardEntry): void {
  checkLink(namespace, entry)
  const self = namespace.objects.get(`wireguard-peer ${entry.publicKey} dev ${entry.link}`)
  if (self !== undefined) namespace.drop(self)
  put(namespace, entry)
}

/** `wg set peer`: makes it, or changes the one that is there; its prefixes are taken from others. */
export function setWireguardPeer(namespace: FakeNamespace, entry: WireguardPeerEntry): void {
  checkLink(namespace, entry)
  const device = namespace.objects.get(`wireguard dev ${entry.link}`)?.entry
  if (device?.kind === 'wireguard' && device.publicKey === entry.publicKey) return
  const taken = new Set(entry.allowedIps)
  for (const other of namespace.objects.childrenOf(linkKey(entry.link))) {
    if (other.entry.kind !== 'wireguard-peer') continue
    const { allowedIps } = other.entry
    if (!allowedIps.some(prefix => taken.has(prefix))) continue
    const left = { ...other.entry, allowedIps: allowedIps.filter(prefix => !taken.has(prefix)) }
    namespace.put({ ...other, entry: left }, other)
  }
  const before = namespace.objects.get(entryKey(entry))?.entry
  const endpoint = entry.endpoint ?? (before?.kind === 'wireguard-peer' ? before.endpoint : undefined)
  put(namespace, {
    persistentKeepaliveSeconds: 0,
    ...entry,
    ...(endpoint === undefined ? {} : { endpoint }),
  })
}

/** `wg set peer remove`, or the device without its key. That it is not there is no error. */
export function deleteWireguard(namespace: FakeNamespace, entry: WireguardEntry | WireguardPeerEntry): void {
  checkLink(namespace, entry)
  const seen = namespace.objects.get(entryKey(entry))
  if (seen !== undefined) namespace.drop(seen)
}

function put(namespace: FakeNamespace, entry: WireguardEntry | WireguardPeerEntry): void {
  namespace.put({ entry, mark: 'foreign' }, namespace.objects.get(entryKey(entry)))
}

function checkLink(namespace: FakeNamespace, { link }: WireguardEntry | WireguardPeerEntry): void {
  if (namespace.needLink(link).type !== 'wireguard') refuse('EOPNOTSUPP', `${link} is not a wireguard link`)
}

/** What nobody has the key for cannot be set. */
export function checkSecrets(entry: Entry, secrets: WireguardSecrets | undefined): void {
  if (secrets === undefined) return
  if (entry.kind === 'wireguard' && secrets.privateKey(entry.publicKey) === undefined) {
    refuse('ENOKEY', `the private key whose public half is ${entry.publicKey} is not here`)
  }
  if (entry.kind !== 'wireguard-peer' || entry.presharedKey === undefined) return
  if (secrets.presharedKey(entry.presharedKey) === undefined) {
    refuse('ENOKEY', `the preshared key for the peer ${entry.publicKey} is not here`)
  }
}
