import { errorText, PodlaceError } from '../../base/index.ts'
import { presharedKeyFingerprint, type WireguardSecrets, wireguardPublicKey } from '../../kernel/index.ts'
import { type NetworkConfig, parseWireguardKey } from '../../model/index.ts'

/** Where the node's private key is kept: 32 bytes in base64, as `wg genkey` and flannel write it. */
export interface KeyFile {
  /** For messages. */
  readonly path: string
  /** Undefined if there is none. */
  read(): string | undefined
  /** Makes it, whole or not at all, for nobody else to read. */
  create(text: string): void
}

/** What a network asks of the node's keys: the public half of its own, or why it has none, in words. */
export type KeyAnswer = { readonly wireguardKey?: string } | { readonly lacks: string }

/**
 * The node's WireGuard keys. The private one is made when a network first asks for it, and kept from then on: a node
 * with a new key is a new peer to all others. No key leaves this class but to who applies entries.
 */
export class WireguardKeys implements WireguardSecrets {
  private readonly file: KeyFile
  private readonly randomBytes: (count: number) => Uint8Array
  private own: { readonly publicKey: string; readonly privateKey: Uint8Array } | undefined
  private shared: { readonly fingerprint: string; readonly key: Uint8Array } | undefined

  constructor(file: KeyFile, randomBytes: (count: number) => Uint8Array) {
    this.file = file
    this.randomBytes = randomBytes
  }

  /** Has at hand what the network's entries will name; nothing, if it is not one of WireGuard's. */
  takeUp(config: NetworkConfig | undefined): KeyAnswer {
    if (config?.spec.backend.type !== 'wireguard') return {}
    const { presharedKey } = config.spec.backend
    const key = presharedKey === undefined ? undefined : Buffer.from(presharedKey, 'base64')
    this.shared = key && { fingerprint: presharedKeyFingerprint(key), key }
    try {
      this.own ??= this.load()
      return { wireguardKey: this.own.publicKey }
    } catch (error) {
      return { lacks: `this node has no WireGuard key: ${errorText(error)}` }
    }
  }

  privateKey(publicKey: string): Uint8Array | undefined {
    return this.own?.publicKey === publicKey ? this.own.privateKey : undefined
  }

  presharedKey(fingerprint: string): Uint8Array | undefined {
    return this.shared?.fingerprint === fingerprint ? this.shared.key : undefined
  }

  private load() {
    const privateKey = this.read() ?? this.make()
    return { privateKey, publicKey: wireguardPublicKey(privateKey) }
  }

  /** @throws PodlaceError `agent.wireguard-key`, which tells nothing of what is in the file */
  private read(): Uint8Array | undefined {
    const text = this.file.read()
    if (text === undefined) return undefined
    const key = parseWireguardKey(text.trim())
    if (key !== undefined) return key
    const { path } = this.file
    throw new PodlaceError(
      `read ${path}`,
      `${path} holds no key of 32 bytes in base64, as \`wg genkey\` writes it; restore it, or remove it to have a new one made`,
      { code: 'agent.wireguard-key' },
    )
  }

  private make(): Uint8Array {
    const key = this.randomBytes(32)
    // The bits that are the same in every key (RFC 7748, section 5): what is in the file is what `wg` shows.
    key[0] = (key[0] ?? 0) & 248
    key[31] = ((key[31] ?? 0) & 127) | 64
    this.file.create(Buffer.from(key).toString('base64'))
    return key
  }
}
