import { attempt } from './errors.ts'
import { native } from './native.ts'

/** linux/mount.h */
const MS_BIND = 0x1000
const MNT_DETACH = 2

/** `mount --bind source target`: one file or directory at a second place. Needs root. */
export function bindMount(source: string, target: string): void {
  attempt(`bind ${source} on ${target}`, () => native.mountFile(source, target, null, MS_BIND, null))
}

/** `umount -l target`: gone from the tree at once, freed when the last user is. Needs root. */
export function unmount(target: string): void {
  attempt(`unmount ${target}`, () => native.unmountFile(target, MNT_DETACH))
}
