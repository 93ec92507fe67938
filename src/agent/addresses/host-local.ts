import type { Clock } from '../../base/index.ts'
import { cniError, type NetworkConfiguration } from '../../cni/index.ts'
import { type FileLock, HostLocalAllocator } from '../../ipam/index.ts'
import type { HostLocalAddresses } from '../attachments/record.ts'
import { keptByConfiguration } from '../recent-configurations.ts'
import { parseHostLocalConfig, parseResolvConf } from './host-local-config.ts'
import { type AddressSource, type Holder, holderKey } from './source.ts'

export interface HostLocalOptions {
  readonly flock: FileLock
  readonly clock: Clock
  readonly random: () => number
  readonly cooldownMs: number
  readonly readFile: (file: string) => string
}

/** Addresses of one network in host-local's format on disk. */
export interface HostLocalSource extends AddressSource {
  readonly record: HostLocalAddresses
}

/** The `host-local` stores this agent works with: one allocator a directory, made anew when its ranges change. */
export class HostLocalStores {
  private readonly options: HostLocalOptions
  private readonly allocators = new Map<
    string,
    { readonly ranges: string; readonly allocator: HostLocalAllocator }
  >()
  /** The store that `ipam` of a configuration describes. Throws for a configuration that is not valid. */
  readonly forConfiguration = keptByConfiguration(config => this.sourceOf(config))

  constructor(options: HostLocalOptions) {
    this.options = options
  }

  private sourceOf(config: NetworkConfiguration): HostLocalSource {
    const { dataDir, rangeSets, routes, resolvConf } = parseHostLocalConfig(config)
    const allocator = () => {
      if (rangeSets.length > 0) return this.allocator(dataDir, config.name, rangeSets)
      throw cniError(
        'invalid-configuration',
        `read network ${config.name}`,
        'ipam has no ranges: give it a subnet',
      )
    }
    return {
      ...this.forDirectory(dataDir, config.name),
      record: { source: 'host-local', dataDir },
      allocate: async (holder, requested, use) => {
        const dns = resolvConf === undefined ? {} : parseResolvConf(this.options.readFile(resolvConf))
        return allocator().allocate(holder, requested, ips => use({ ips, routes, dns }))
      },
      fault: () => allocator().fault(),
    }
  }

  /** What needs no ranges: giving back. `allocate` is refused. */
  forDirectory(dataDir: string, network: string): AddressSource {
    const leases = () =>
      this.allocators.get(directoryKey(dataDir, network))?.allocator ?? this.open(dataDir, network, [])
    return {
      allocate: () => Promise.reject(new Error(`no ranges are known for network ${network}`)),
      release: async (holder: Holder) => {
        await leases().release(holder)
      },
      holds: async holder => (await leases().addressesOf(holder)).length > 0,
      collect: async keep => {
        await leases().collect(({ containerId, ifName }) =>
          keep.has(holderKey({ containerId, ifName: ifName ?? '' })),
        )
      },
      fault: () => undefined,
    }
  }

  private allocator(dataDir: string, network: string, rangeSets: HostLocalRangeSets): HostLocalAllocator {
    const key = directoryKey(dataDir, network)
    const ranges = JSON.stringify(rangeSets)
    const known = this.allocators.get(key)
    if (known?.ranges === ranges) return known.allocator
    const allocator = this.open(dataDir, network, rangeSets)
    this.allocators.set(key, { ranges, allocator })
    return allocator
  }

  private open(dataDir: string, network: string, rangeSets: HostLocalRangeSets): HostLocalAllocator {
    const { flock, clock, random, cooldownMs } = this.options
    return new HostLocalAllocator({ dataDir, network, rangeSets, flock, clock, random, cooldownMs })
  }
}

type HostLocalRangeSets = ReturnType<typeof parseHostLocalConfig>['rangeSets']

function directoryKey(dataDir: string, network: string): string {
  return `${dataDir}\n${network}`
}
