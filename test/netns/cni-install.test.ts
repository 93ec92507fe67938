/** Installing beside what runs meanwhile, on full and read-only disks, and giving directories away. */
import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { systemClock } from '../../src/base/index.ts'
import { install, PLUGIN_TYPES, podlaceNetwork } from '../../src/cni/index.ts'

const SHIM = fileURLToPath(new URL('../../build/podlace-cni', import.meta.url))
const PODLACE = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))
const AGENT_UID = 64113

let root = ''
const children = new Set<ChildProcess>()
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'podlace-cni-install-'))
})
afterEach(() => {
  for (const child of children) child.kill('SIGKILL')
  children.clear()
  rmSync(root, { recursive: true, force: true })
})

const at = (...parts: string[]) => join(root, ...parts)

function installHere(shim: string, agentDirectory = at('state')) {
  return install({
    clock: systemClock,
    signal: new AbortController().signal,
    timeoutMs: 10_000,
    shim,
    binDir: at('bin'),
    confDir: at('net.d'),
    types: 'all',
    network: podlaceNetwork('pods'),
    agent: { uid: AGENT_UID, directories: [agentDirectory] },
    force: false,
    uid: 0,
  })
}

function run(
  file: string,
  args: readonly string[],
): Promise<{ status: number | null; out: string; err: string }> {
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  children.add(child)
  let out = ''
  let err = ''
  child.stdout.setEncoding('utf8').on('data', text => (out += text))
  child.stderr.setEncoding('utf8').on('data', text => (err += text))
  return new Promise(resolve => child.on('close', status => resolve({ status, out, err })))
}

const PLACES = () => ['--bin-dir', at('bin'), '--conf-dir', at('net.d'), '--state-dir', at('state')]
const command = (...more: string[]) => [PODLACE, 'cni', 'install', ...PLACES(), ...more]

test('a shim that is run all the time never misses while it is replaced', async () => {
  // Trailing bytes make another version of it that runs as well.
  writeFileSync(at('other'), Buffer.concat([readFileSync(SHIM), Buffer.from('\n')]))
  await installHere(SHIM)
  const loop = `n=0; while [ ! -e ${at('stop')} ] && [ $n -lt 20000 ]; do
    CNI_COMMAND=VERSION ${at('bin/bridge')} >/dev/null || echo missed; n=$((n+1)); done; echo $n`
  const runs = run('sh', ['-c', loop])
  for (let n = 0; n < 15; n += 1) {
    const { changes } = await installHere(n % 2 === 0 ? at('other') : SHIM)
    assert.equal(changes.filter(({ did }) => did === 'replaced').length, PLUGIN_TYPES.length)
    await new Promise(resolve => setTimeout(resolve, 5))
  }
  writeFileSync(at('stop'), '')
  const { out, err } = await runs
  assert.match(out, /^\d+\n$/, 'no run failed')
  assert.equal(err, '')
  assert.ok(Number(out) > 20, `${out} runs`)
})

test('several installs at once: each succeeds, one does the work', async () => {
  const outcomes = await Promise.all([1, 2, 3].map(() => run(process.execPath, command('--json'))))
  for (const { status, err } of outcomes) assert.equal(status, 0, err)
  const made = outcomes.filter(({ out }) => /"did":"installed"/.test(out))
  assert.equal(made.length, 1)
  assert.deepEqual(readdirSync(at('bin')).sort(), PLUGIN_TYPES.toSorted())
  assert.deepEqual(readdirSync(at('net.d')), ['10-podlace.conflist'])
})

/** Runs the command in a mount namespace of its own, with a tmpfs in the place of the plugins' directory. */
function onTmpfs(options: string, before: string, after: string) {
  const install = [process.execPath, ...command()].map(word => `'${word}'`).join(' ')
  const script = `mkdir -p ${at('bin')}; mount -t tmpfs -o ${options} podlace-test ${at('bin')}; ${before}
${install}; echo "status $?"; ${after}`
  return run('unshare', ['--mount', '--propagation', 'private', 'sh', '-c', script])
}

test('a full disk: what is installed is whole, nothing half remains, and no network is written', async () => {
  const { out, err } = await onTmpfs(
    'size=80k',
    'true',
    `ls -A ${at('bin')}; for f in ${at('bin')}/*; do cmp $f ${SHIM}; done; mount -o remount,size=2m ${at('bin')}; ${process.execPath} ${command().join(' ')}`,
  )
  assert.match(out, /status 1\n/)
  assert.match(
    err,
    /^podlace: cannot install .*: ENOSPC: the disk is full: make room and run the same command again/,
  )
  const [, listed = ''] = out.split('status 1\n')
  const names =
    listed
      .split(`${at('bin')}: installed`)[0]
      ?.trim()
      .split('\n') ?? []
  assert.ok(
    names.length > 1 && names.length < PLUGIN_TYPES.length && !names.some(name => name.startsWith('.')),
    listed,
  )
  // With room again the rest is done.
  assert.match(listed, /net\.d: installed: 10-podlace\.conflist/)
})

test('a read-only directory is told, and no network is written', async () => {
  const { out, err } = await onTmpfs('size=2m', `mount -o remount,ro ${at('bin')}`, `ls -A ${at('bin')}`)
  assert.match(out, /^status 1\n$/)
  assert.match(
    err,
    /cannot install .*: EROFS: the file system is read-only: mount it writable, or name another/,
  )
  assert.ok(!existsSync(at('net.d')))
})

test('without root it says so', async () => {
  const asNobody = ['--reuid=65534', '--regid=65534', '--clear-groups', '--', process.execPath, ...command()]
  // The directory of the test is root's alone.
  const { status, err } = await run('setpriv', asNobody)
  assert.equal(status, 1)
  assert.match(err, /EACCES: run the same command as root/)
})

test('a directory is given with what is in it, but not through links, nor files that have a second name', async () => {
  mkdirSync(at('leases/pods'), { recursive: true })
  mkdirSync(at('elsewhere'))
  for (const path of ['leases/pods/10.1.0.2', 'leases/pods/lock', 'outside', 'elsewhere/file']) {
    writeFileSync(at(path), '', { mode: 0o600 })
  }
  symlinkSync(at('outside'), at('leases/pods/link'))
  symlinkSync(at('elsewhere'), at('leases/other'))
  linkSync(at('outside'), at('leases/pods/second'))
  const { changes } = await installHere(SHIM, at('leases'))
  assert.deepEqual(
    changes.filter(({ did }) => did === 'given'),
    [{ path: at('leases'), did: 'given' }],
  )
  const ownerOf = (path: string) => statSync(at(path)).uid
  assert.deepEqual(
    ['leases', 'leases/pods', 'leases/pods/10.1.0.2', 'leases/pods/lock'].map(ownerOf),
    Array(4).fill(AGENT_UID),
  )
  assert.deepEqual(['outside', 'elsewhere', 'elsewhere/file'].map(ownerOf), [0, 0, 0])
  const again = await installHere(SHIM, at('leases'))
  assert.deepEqual([...new Set(again.changes.map(({ did }) => did))], ['unchanged'])
  symlinkSync(at('leases'), at('link'))
  await assert.rejects(installHere(SHIM, at('link')), /cannot give .*link to user 64113: /)
})

test("the agent's user and root's host-local both get along with given leases", async () => {
  mkdirSync(at('leases'))
  const config = {
    cniVersion: '1.0.0',
    name: 'pods',
    type: 'x',
    ipam: { type: 'host-local', dataDir: at('leases'), ranges: [[{ subnet: '10.8.0.0/24' }]] },
  }
  const hostLocal = (CNI_COMMAND: string, CNI_CONTAINERID: string) =>
    execFileSync('/usr/lib/cni/host-local', {
      input: JSON.stringify(config),
      env: { CNI_COMMAND, CNI_CONTAINERID, CNI_IFNAME: 'eth0', CNI_NETNS: '/x', CNI_PATH: '/usr/lib/cni' },
      encoding: 'utf8',
    })
  hostLocal('ADD', 'c1')
  await installHere(SHIM, at('leases'))
  assert.match(hostLocal('ADD', 'c2'), /10\.8\.0\.3/)
  hostLocal('DEL', 'c1')
  assert.deepEqual(readdirSync(at('leases/pods')).sort(), ['10.8.0.3', 'last_reserved_ip.0', 'lock'])
  // The new lease belongs to root, until the next install.
  assert.equal(statSync(at('leases/pods/10.8.0.3')).uid, 0)
  await installHere(SHIM, at('leases'))
  assert.equal(statSync(at('leases/pods/10.8.0.3')).uid, AGENT_UID)
})
