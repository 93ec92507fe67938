import { cniError } from './errors.ts'

/** Every version of the protocol that was published, oldest first; we speak all of them. */
export const CNI_VERSIONS = ['0.1.0', '0.2.0', '0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0'] as const

/** `1.1.0` and its elders. */
export type CniVersion = (typeof CNI_VERSIONS)[number]

/** The newest version: the shape of results inside. */
export const NEWEST_VERSION: CniVersion = '1.1.0'

/** The verbs, as CNI_COMMAND names them. */
export const CNI_COMMANDS = ['ADD', 'DEL', 'CHECK', 'GC', 'STATUS', 'VERSION'] as const

export type CniCommand = (typeof CNI_COMMANDS)[number]

/** The version that brought a verb; the others were there from the start. */
const SINCE: Readonly<Partial<Record<CniCommand, CniVersion>>> = {
  CHECK: '0.4.0',
  GC: '1.1.0',
  STATUS: '1.1.0',
}

/** True if `version` is `bound` or newer. */
export function isAtLeast(version: CniVersion, bound: CniVersion): boolean {
  return CNI_VERSIONS.indexOf(version) >= CNI_VERSIONS.indexOf(bound)
}

/**
 * The version a configuration asks for. One that says nothing is of the time before the key existed: 0.1.0.
 *
 * Throws `cni.incompatible-version` (1) for one we do not speak.
 */
export function parseVersion(text: unknown): CniVersion {
  if (text === undefined || text === '') return '0.1.0'
  const found = CNI_VERSIONS.find(version => version === text)
  if (found !== undefined) return found
  throw cniError(
    'incompatible-version',
    'read cniVersion',
    `cniVersion ${JSON.stringify(text)} is not spoken here: use one of ${CNI_VERSIONS.join(', ')}`,
    `supported versions: ${CNI_VERSIONS.join(', ')}`,
  )
}

/** Throws `cni.incompatible-version` (1) if the configuration's version is older than the verb it is asked with. */
export function requireVerb(command: CniCommand, version: CniVersion): void {
  const since = SINCE[command]
  if (since === undefined || isAtLeast(version, since)) return
  throw cniError(
    'incompatible-version',
    `run ${command}`,
    `cniVersion ${version} of the configuration has no ${command}: it came with ${since}; raise cniVersion`,
  )
}

/** What VERSION prints (SPEC.md, "VERSION"). */
export function versionReply(): {
  readonly cniVersion: CniVersion
  readonly supportedVersions: readonly CniVersion[]
} {
  return { cniVersion: NEWEST_VERSION, supportedVersions: CNI_VERSIONS }
}
