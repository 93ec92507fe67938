import type { AttributeCodec } from './attributes.ts'

/** How long an address lives, in seconds; undefined is for ever. */
export interface AddressLifetimes {
  readonly preferredLifetimeS: number | undefined
  readonly validLifetimeS: number | undefined
}

const INFINITE = 0xffff_ffff

/** `struct ifa_cacheinfo` (linux/if_addr.h); two time stamps follow that only the kernel writes. */
export const cacheInfo: AttributeCodec<AddressLifetimes> = {
  write(writer, { preferredLifetimeS, validLifetimeS }) {
    writer.u32(preferredLifetimeS ?? INFINITE).u32(validLifetimeS ?? INFINITE)
    writer.zeros(8)
  },
  read(payload) {
    const preferred = payload.u32()
    const valid = payload.u32()
    return {
      preferredLifetimeS: preferred === INFINITE ? undefined : preferred,
      validLifetimeS: valid === INFINITE ? undefined : valid,
    }
  },
}
