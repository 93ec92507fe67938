import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import { identify, type ProcessIdentity } from '../process-identity.ts'

/** Control group of all containers of a lab, in each hierarchy: it belongs to the machine, so two labs differ. */
export function labCgroup(labDirectory: string): string {
  return `/podlace-lab-${createHash('sha256').update(labDirectory).digest('hex').slice(0, 16)}`
}

export function nodeCgroup(labDirectory: string, node: string): string {
  return join(labCgroup(labDirectory), node)
}

/**
 * The processes in a control group and those below it. A container is in its group before it is anything else: what
 * runs in it needs no mark, nor does a process that runc has not made a container yet.
 */
export function processesInCgroup(cgroup: string): ProcessIdentity[] {
  const pids = new Set(cgroupMounts().flatMap(mount => pidsBelow(join(mount, cgroup))))
  return [...pids].flatMap(pid => identify(pid) ?? [])
}

/** Empty for a directory that is not there (any more). */
function pidsBelow(directory: string): number[] {
  const below = subdirectories(directory).flatMap(pidsBelow)
  try {
    const own = readFileSync(join(directory, 'cgroup.procs'), 'utf8').split('\n')
    return [...own.filter(pid => pid !== '').map(Number), ...below]
  } catch {
    return below
  }
}

function subdirectories(directory: string): string[] {
  if (!existsSync(directory)) return []
  const entries = readdirSync(directory, { withFileTypes: true })
  return entries.filter(entry => entry.isDirectory()).map(entry => join(directory, entry.name))
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
  for (const below of subdirectories(directory)) removeBelow(below)
  if (existsSync(directory)) rmdirSync(directory)
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
