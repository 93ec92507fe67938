import { type NetworkConfiguration, parseConfiguration } from '../cni/index.ts'

/** A configuration with lists of a thousand entries is rare, and not worth the memory. */
const LONGEST = 16 * 1024
/** Networks of a node are few. */
const MOST = 32
/** A key of what a later plugin of a chain is sent: of one pod, so that it is not met again. */
const OF_ONE_POD = '"prevResult"'

/**
 * Reads configurations, and keeps those it has read: a runtime sends the same text for every pod of a network. Equal
 * text gives the same object, so that others can keep by it what they make of it.
 */
export class RecentConfigurations {
  private readonly byText = new Map<string, NetworkConfiguration>()

  /** Throws what `parseConfiguration` throws. */
  read(stdin: Uint8Array): NetworkConfiguration {
    const bytes = Buffer.from(stdin.buffer, stdin.byteOffset, stdin.length)
    if (bytes.length > LONGEST || bytes.includes(OF_ONE_POD)) return parseConfiguration(stdin)
    const text = bytes.toString('latin1')
    const known = this.byText.get(text)
    if (known !== undefined) return known
    const config = parseConfiguration(stdin)
    if (this.byText.size >= MOST) this.byText.clear()
    this.byText.set(text, config)
    return config
  }
}

/** What is made of a configuration, kept for as long as somebody has it. */
export function keptByConfiguration<T, C extends object = NetworkConfiguration>(
  make: (config: C) => T,
): (config: C) => T {
  const kept = new WeakMap<C, { readonly made: T }>()
  return config => {
    const known = kept.get(config)
    if (known !== undefined) return known.made
    const made = make(config)
    kept.set(config, { made })
    return made
  }
}
