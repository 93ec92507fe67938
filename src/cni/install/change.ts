import { linkSync, lstatSync, renameSync, rmSync } from 'node:fs'

/** What was done to one path. */
export interface Change {
  readonly path: string
  readonly did:
    | 'installed'
    /** One of ours made room for another. */
    | 'replaced'
    /** Another program made room, and lies aside now. */
    | 'kept-aside'
    /** What lay aside is back in its place. */
    | 'restored'
    | 'removed'
    /** A directory belongs to the agent now. */
    | 'given'
    | 'unchanged'
    /** Somebody else's, and not touched. */
    | 'left'
}

/** Where what stood in the place of a plugin or a network is kept. */
function asideOf(path: string): string {
  return `${path}.before-podlace`
}

/** Gives what stands in a place a second name, so that the place is empty at no time. */
export function keepAside(path: string): Change {
  const aside = asideOf(path)
  rmSync(aside, { force: true })
  linkSync(path, aside)
  return { path: aside, did: 'kept-aside' }
}

/** Takes ours out of a place; what was kept aside comes back in the same step. */
export function giveBack(path: string): Change {
  const aside = asideOf(path)
  if (isThere(aside)) {
    renameSync(aside, path)
    return { path, did: 'restored' }
  }
  rmSync(path)
  return { path, did: 'removed' }
}

/** Also of a link that leads nowhere. */
export function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined
}

/** A name that no runtime takes for a plugin or a network list. */
export function temporaryOf(path: string): string {
  return path.replace(/[^/]+$/, name => `.${name}.podlace-new`)
}
