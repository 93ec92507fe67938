/**
 * Notices what a test run leaves behind on the machine: namespaces, links, routes, rules, tables, mounts, files,
 * processes.
 *
 *   leftovers.ts snapshot FILE   writes down what there is
 *   leftovers.ts compare FILE    prints what has come since; exit status 1 if there is anything
 *
 * What is on its way out gets a few seconds. Processes are recognised by the environment variable
 * `PODLACE_TEST_RUN`, which everything that a test starts inherits, and by names of ours in the command line.
 */
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'

/** Each kind of thing with its members, one line of text each. */
export type Snapshot = Record<string, readonly string[]>

const GRACE_MS = 8000

/** Where programs put what they need for a while; tests follow TMPDIR, other programs need not. */
const TEMPORARY = new Set([tmpdir(), '/tmp', '/var/tmp', '/dev/shm'])

/** Folders in which new entries count, and which of their names. */
const FOLDERS: readonly (readonly [path: string, names: RegExp])[] = [
  ...Array.from(TEMPORARY, path => [path, /podlace/] as const),
  ['/run', /podlace|flannel|^cni$/],
  ['/run/netns', /./],
  ['/run/flannel', /./],
  ['/var/lib', /podlace|^cni$/],
  ['/var/lib/cni', /./],
  ['/var/lib/cni/networks', /./],
  ['/etc', /podlace|^cni$/],
  ['/etc/cni/net.d', /./],
  ['/opt', /podlace|^cni$/],
  ['/opt/cni/bin', /./],
  // Control groups; with version 1 each controller has a tree of its own.
  ...['/sys/fs/cgroup', ...list('/sys/fs/cgroup').map(name => join('/sys/fs/cgroup', name))].map(
    path => [path, /podlace/] as const,
  ),
]

/** Settings of the machine's own namespace that a pod network is tempted to change. */
const SYSCTLS = ['net/ipv4/ip_forward', 'net/ipv4/conf/all/forwarding', 'net/ipv6/conf/all/forwarding']

function list(path: string): string[] {
  try {
    return readdirSync(path)
  } catch {
    return [] // not there, or gone meanwhile
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

function link(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}

/** The lines that a tool prints; nothing if the tool is missing or may not look. */
function lines(command: string, ...args: string[]): string[] {
  try {
    const text = execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
    return text.split('\n').filter(line => line.trim() !== '')
  } catch {
    return []
  }
}

const processIds = (): string[] => list('/proc').filter(name => /^\d+$/.test(name))
const commandLine = (pid: string): string => read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim()

/** Every network namespace that a process is in or holds open, or that a mount keeps: `net:[...]`. */
function namespaces(): string[] {
  const found = new Set<string>()
  for (const pid of processIds()) {
    found.add(link(`/proc/${pid}/ns/net`))
    for (const fd of list(`/proc/${pid}/fd`)) {
      const target = link(`/proc/${pid}/fd/${fd}`)
      if (target.startsWith('net:[')) found.add(target)
    }
  }
  for (const line of read('/proc/self/mountinfo').split('\n')) {
    const root = line.split(' ')[3] ?? ''
    if (root.startsWith('net:[')) found.add(root)
  }
  found.delete('')
  return [...found]
}

/** Who is in a namespace or holds it, for the message. */
function holders(namespace: string): string {
  const pids = processIds().filter(
    pid =>
      link(`/proc/${pid}/ns/net`) === namespace ||
      list(`/proc/${pid}/fd`).some(fd => link(`/proc/${pid}/fd/${fd}`) === namespace),
  )
  return pids.map(pid => `${pid} ${commandLine(pid).slice(0, 80)}`).join('; ') || 'a mount'
}

/** Processes of this run or of this program; not this one and not those that started it. */
function processes(): string[] {
  const run = process.env['PODLACE_TEST_RUN']
  const own = ancestors()
  return processIds()
    .filter(pid => !own.has(pid))
    .map(pid => ({ pid, command: commandLine(pid) }))
    .filter(({ pid, command }) => {
      if (command === '') return false // a kernel thread, or gone
      if (run !== undefined && read(`/proc/${pid}/environ`).includes(`PODLACE_TEST_RUN=${run}`)) return true
      return /podlace(?:\.mjs|-cni)\b/.test(command) || read(`/proc/${pid}/environ`).includes('PODLACE_LAB=')
    })
    .map(({ pid, command }) => `${pid} ${command.slice(0, 120)}`)
}

function ancestors(): Set<string> {
  const own = new Set<string>()
  let pid = String(process.pid)
  while (pid !== '0' && pid !== '' && !own.has(pid)) {
    own.add(pid)
    pid = /^PPid:\s*(\d+)/m.exec(read(`/proc/${pid}/status`))?.[1] ?? ''
  }
  return own
}

/** What there is now. Needs no root, but sees other users' namespaces only with it. */
export function look(): Snapshot {
  return {
    namespace: namespaces(),
    link: list('/sys/class/net'),
    address: lines('ip', '-o', 'addr', 'show').map(line => line.replace(/\s+valid_lft.*/, '')),
    route: [
      ...lines('ip', '-4', 'route', 'show', 'table', 'all'),
      ...lines('ip', '-6', 'route', 'show', 'proto', '113'),
    ],
    rule: [...lines('ip', '-4', 'rule'), ...lines('ip', '-6', 'rule')],
    'nft table': lines('nft', 'list', 'tables'),
    sysctl: SYSCTLS.map(path => `${path} = ${read(`/proc/sys/${path}`).trim()}`),
    mount: read('/proc/self/mountinfo')
      .split('\n')
      .map(line => line.split(' ')[4] ?? '')
      .filter(path => /podlace|\/netns\//.test(path)),
    file: FOLDERS.flatMap(([path, names]) =>
      list(path)
        .filter(name => names.test(name))
        .map(name => join(path, name)),
    ),
    process: processes(),
  }
}

/** What is in `after` and was not before, in words. */
export function difference(before: Snapshot, after: Snapshot): string[] {
  return Object.entries(after).flatMap(([kind, items]) => {
    const known = new Set(before[kind] ?? [])
    return items
      .filter(item => !known.has(item))
      .map(item => `${kind} ${item}${kind === 'namespace' ? ` held by ${holders(item)}` : ''}`)
  })
}

async function compare(before: Snapshot): Promise<string[]> {
  const endMs = performance.now() + GRACE_MS
  for (;;) {
    const left = difference(before, look())
    if (left.length === 0 || performance.now() > endMs) return left
    await sleep(500)
  }
}

async function main(command: string | undefined, file: string | undefined): Promise<number> {
  if (command === 'snapshot' && file !== undefined) {
    writeFileSync(file, JSON.stringify(look()))
    return 0
  }
  if (command === 'compare' && file !== undefined) {
    const left = await compare(JSON.parse(readFileSync(file, 'utf8')))
    for (const item of left) process.stdout.write(`left behind: ${item}\n`)
    return left.length === 0 ? 0 : 1
  }
  process.stderr.write('usage: leftovers.ts snapshot|compare FILE\n')
  return 2
}

if (process.argv[1] === import.meta.filename) process.exitCode = await main(process.argv[2], process.argv[3])
