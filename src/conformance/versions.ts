import type { World } from './world.ts'

/** Versions of the specification, in order. */
export const SPEC_VERSIONS = ['0.1.0', '0.2.0', '0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0'] as const
export type SpecVersion = (typeof SPEC_VERSIONS)[number]

/** The newest version of the specification. */
export const newest: SpecVersion = '1.1.0'

/** What each plugin says it speaks; empty for one that does not say it in the specified way. */
export async function announcedVersions(
  world: World,
  types: readonly string[],
): Promise<Map<string, readonly string[]>> {
  const announced = new Map<string, readonly string[]>()
  for (const type of types) {
    const reply = await world.call({ verb: 'VERSION', type, config: { cniVersion: newest } })
    announced.set(type, versionsOf(reply))
  }
  return announced
}

function versionsOf(reply: Awaited<ReturnType<World['call']>>): readonly string[] {
  try {
    return reply.versions().supportedVersions
  } catch {
    return [] // a case of its own finds fault with that
  }
}

/** The newest version that all the plugins announce. */
export function commonVersion(
  types: readonly string[],
  announced: ReadonlyMap<string, readonly string[]>,
): SpecVersion {
  const spoken = SPEC_VERSIONS.filter(version =>
    types.every(type => (announced.get(type) ?? []).includes(version)),
  )
  return spoken.at(-1) ?? newest
}
