import type { Invariant } from './invariant.ts'

export const addressRests: Invariant = {
  name: 'I1',
  words: 'an address that was given back rests before it is given out again by the same agent',
  watch(world) {
    /** Machine, life and address to when its pod was last seen live. */
    const lastLive = new Map<string, number>()
    const live = new Set<string>()
    const cooldownMs = world.knobs.addressCooldownSeconds * 1000
    return {
      always() {
        const { nowMs } = world.scheduler
        const now = new Set<string>()
        let fault: string | undefined
        for (const { machine, runtime } of world.hosts) {
          const life = machine.process?.name
          if (life === undefined) continue
          for (const container of runtime.live()) {
            for (const ip of container.ips) {
              const key = `${life} ${ip} ${container.id} ${container.cookie}`
              now.add(key)
              const before = lastLive.get(`${life} ${ip}`)
              if (!live.has(key) && before !== undefined && nowMs - before < cooldownMs) {
                fault = `${ip} of ${machine.name} was given to ${container.id} ${nowMs - before} ms after it was given back, not ${cooldownMs}`
              }
            }
          }
        }
        for (const key of live) {
          const [life, ip] = key.split(' ')
          if (!now.has(key)) lastLive.set(`${life} ${ip}`, nowMs)
        }
        live.clear()
        for (const key of now) live.add(key)
        return fault
      },
    }
  },
}
