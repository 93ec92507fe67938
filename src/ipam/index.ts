export { AddressPool, type AddressPoolOptions } from './address-pool.ts'
export { type BlockBounds, nextFreeBlock } from './blocks.ts'
export type { FileLock } from './directory-lock.ts'
export type { IpamError, IpamErrorPayload } from './errors.ts'
export { tryParseExclusion } from './exclusion.ts'
export {
  type AddressRequest,
  type Allocated,
  type Allocation,
  HostLocalAllocator,
  type HostLocalAllocatorOptions,
} from './host-local-allocator.ts'
export { HostLocalStore, type HostLocalStoreOptions } from './host-local-store.ts'
export type { HostLocalHolder, HostLocalLease, LeaseHolder, NewFile } from './lease-file.ts'
export type { LeaseListener } from './lease-index.ts'
export type { LockedLeases } from './locked-leases.ts'
export type { AddressRange } from './range.ts'
