import { type Clock, errorText, hasCode } from '../../base/index.ts'
import { cniError, type NetworkConfiguration } from '../../cni/index.ts'
import { type FileLock, HostLocalAllocator, HostLocalStore, type NewFile } from '../../ipam/index.ts'
import type { HostLocalAddresses } from '../attachments/record.ts'
import { keptByConfiguration } from '../recent-configurations.ts'
import { type HostLocalConfig, parseHostLocalConfig } from './host-local-config.ts'
import { parseResolvConf } from './resolv-conf.ts'
import { type AddressSource, holderKey } from './source.ts'

export interface HostLocalOptions {
  readonly flock: FileLock
  readonly createFile: NewFile
  readonly clock: Clock
  readonly random: () => number
  readonly cooldownMs: number
  readonly readFile: (file: string) => string
}

/** Addresses of one network in host-local's format on disk. */
export interface HostLocalSource extends AddressSource {
  readonly record: HostLocalAddresses
}

type RangeSets = HostLocalConfig['rangeSets']

/** One network in one directory, with an allocator for each choice of ranges that was used lately. */
interface Network {
  readonly store: HostLocalStore
  readonly allocators: Map<string, HostLocalAllocator>
}

/** A network has one choice of ranges, unless the runtime gives each pod its own. */
const MOST_ALLOCATORS = 8

/** The `host-local` stores this agent works with: one a directory. */
export class HostLocalStores {
  private readonly options: HostLocalOptions
  private readonly networks = new Map<string, Network>()
  /** The store that `ipam` of a configuration describes. Throws for a configuration that is not valid. */
  readonly forConfiguration = keptByConfiguration(config => this.sourceOf(config))

  constructor(options: HostLocalOptions) {
    this.options = options
  }

  private sourceOf(config: NetworkConfiguration): HostLocalSource {
    const { dataDir, rangeSets, routes, resolvConf, sticky } = parseHostLocalConfig(config)
    const network = this.network(dataDir, config.name)
    const choice = JSON.stringify(rangeSets)
    const allocator = () => {
      if (rangeSets.length > 0) return this.allocator(network, choice, rangeSets)
      throw cniError(
        'invalid-configuration',
        `read network ${config.name}`,
        'ipam has no ranges: give it a subnet',
      )
    }
    return {
      ...sourceOf(network),
      record: { source: 'host-local', dataDir },
      allocate: async (holder, { addresses, pod }, use) => {
        const dns = resolvConf === undefined ? {} : parseResolvConf(this.read(resolvConf))
        const podName = sticky && pod !== undefined ? `${pod.namespace}/${pod.name}` : undefined
        const name = config.args.sticky ?? podName
        const request = { addresses, ...(name === undefined ? {} : { sticky: name }) }
        return allocator().allocate(holder, request, ips => use({ ips, routes, dns }))
      },
      fault: () =>
        allocator()
          .fault()
          .catch((error: unknown) => {
            if (hasCode(error, 'ipam.store')) return errorText(error)
            throw error
          }),
    }
  }

  /** What needs no ranges: giving back. `allocate` is refused. */
  forDirectory(dataDir: string, network: string): AddressSource {
    return sourceOf(this.network(dataDir, network))
  }

  private network(dataDir: string, network: string): Network {
    const key = `${dataDir}\n${network}`
    const known = this.networks.get(key)
    if (known !== undefined) return known
    const { flock, createFile, clock, random } = this.options
    const store = new HostLocalStore({ dataDir, network, flock, createFile, clock, random })
    const opened = { store, allocators: new Map() }
    this.networks.set(key, opened)
    return opened
  }

  /** @param choice tells one choice of ranges from others */
  private allocator(
    { store, allocators }: Network,
    choice: string,
    rangeSets: RangeSets,
  ): HostLocalAllocator {
    const known = allocators.get(choice)
    if (known !== undefined) return known
    const { clock, cooldownMs } = this.options
    const allocator = new HostLocalAllocator({ store, rangeSets, clock, cooldownMs })
    allocators.set(choice, allocator)
    const [oldest] = allocators.keys()
    if (allocators.size > MOST_ALLOCATORS && oldest !== undefined) {
      allocators.get(oldest)?.close()
      allocators.delete(oldest)
    }
    return allocator
  }

  private read(file: string): string {
    try {
      return this.options.readFile(file)
    } catch (error) {
      throw cniError('io', 'read resolvConf', `resolvConf of ipam cannot be read: ${errorText(error)}`)
    }
  }
}

function sourceOf({ store }: Network): AddressSource {
  return {
    allocate: () => Promise.reject(new Error(`no ranges are known for ${store.directory}`)),
    release: async holder => {
      await store.release(holder)
    },
    holds: async holder => (await store.addressesOf(holder)).length > 0,
    collect: async keep => {
      const keys = new Set(keep.map(holderKey))
      const containers = new Set(keep.map(({ containerId }) => containerId))
      // A file without an interface name is of the whole container.
      await store.collect(({ containerId, ifName }) =>
        ifName === undefined ? containers.has(containerId) : keys.has(holderKey({ containerId, ifName })),
      )
    },
    fault: async () => undefined,
  }
}
