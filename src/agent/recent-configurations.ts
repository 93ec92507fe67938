import { type NetworkConfiguration, parseConfiguration } from '../cni/index.ts'

/** A configuration with lists of a thousand entries is rare, and not worth the memory. */
const LONGEST = 16 * 1024
/** Networks of a node are few; what differs from call to call is not met again. */
const MOST = 32

/**
 * Reads configurations, and keeps those it has read: a runtime sends the same text for every pod of a network. Equal
 * text gives the same object, so that others can keep by it what they make of it.
 */
export class RecentConfigurations {
  private readonly byText = new Map<string, NetworkConfiguration>()

  /** Throws what `parseConfiguration` throws. */
  read(stdin: Uint8Array): NetworkConfiguration {
    if (stdin.length > LONGEST) return parseConfiguration(stdin)
    const text = Buffer.from(stdin.buffer, stdin.byteOffset, stdin.length).toString('latin1')
    const known = this.byText.get(text)
    if (known !== undefined) return known
    const config = parseConfiguration(stdin)
    if (this.byText.size >= MOST) this.byText.clear()
    this.byText.set(text, config)
    return config
  }
}

/** What is made of a configuration, kept for as long as somebody has it. */
export function keptByConfiguration<T>(
  make: (config: NetworkConfiguration) => T,
): (config: NetworkConfiguration) => T {
  const kept = new WeakMap<NetworkConfiguration, { readonly made: T }>()
  return config => {
    const known = kept.get(config)
    if (known !== undefined) return known.made
    const made = make(config)
    kept.set(config, { made })
    return made
  }
}
