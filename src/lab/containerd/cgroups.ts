import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'

/** Control group of all containers of a lab, in each hierarchy: it belongs to the machine, so two labs differ. */
export function labCgroup(labDirectory: string): string {
  return `/podlace-lab-${createHash('sha256').update(labDirectory).digest('hex').slice(0, 16)}`
}

export function nodeCgroup(labDirectory: string, node: string): string {
  return join(labCgroup(labDirectory), node)
}

/**
 * Removes a control group with those below it, from all hierarchies. One that is not there is fine.
 *
 * @throws the system's error (EBUSY) if a process is in one
 */
export function removeCgroup(cgroup: string): void {
  for (const mount of cgroupMounts()) removeBelow(join(mount, cgroup))
}

/** The files in it go with their directory. */
function removeBelow(directory: string): void {
  try {
    const entries = readdirSync(directory, { withFileTypes: true })
    for (const entry of entries) if (entry.isDirectory()) removeBelow(join(directory, entry.name))
    rmdirSync(directory)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
  }
}

/** Where the hierarchies are mounted: proc(5), `/proc/[pid]/mountinfo`. */
function cgroupMounts(): string[] {
  const lines = readFileSync('/proc/self/mountinfo', 'utf8').split('\n')
  return lines.flatMap(line => {
    const [mount = '', source = ''] = line.split(' - ')
    const path = mount.split(' ')[4]
    return path !== undefined && /^cgroup2? /.test(source) ? [path] : []
  })
}
