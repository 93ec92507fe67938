import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../src/base/index.ts'
import { labCgroup } from '../../src/lab/containerd/cgroups.ts'
import { Lab, type LabEnvironment } from '../../src/lab/lab.ts'
import { LAB_VARIABLE } from '../../src/lab/layout.ts'
import { type ProcessIdentity, processesWithEnvironment } from '../../src/lab/process-identity.ts'

const packageRoot = join(import.meta.dirname, '..', '..')

/** The command line of the built program, with a place of its own for its labs. */
export class LabCommand {
  readonly root = mkdtempSync(join(tmpdir(), 'podlace-labs-'))

  start(...args: string[]) {
    const env = { ...process.env, PODLACE_LABS: this.root, NO_COLOR: '1' }
    const program = join(packageRoot, 'dist', 'podlace.mjs')
    return spawn(process.execPath, [program, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  }

  async run(...args: string[]) {
    const child = this.start(...args)
    let [stdout, stderr] = ['', '']
    child.stdout.on('data', chunk => (stdout += String(chunk)))
    child.stderr.on('data', chunk => (stderr += String(chunk)))
    const [status] = await once(child, 'close')
    return { status, stdout, stderr }
  }

  /** Runs a command that must succeed, and reads its JSON. */
  async result(...args: string[]) {
    const end = args.includes('--') ? args.indexOf('--') : args.length
    const { status, stdout, stderr } = await this.run(...args.toSpliced(end, 0, '-o', 'json'))
    assert.equal(status, 0, `${args.join(' ')}: ${stderr}`)
    return JSON.parse(stdout)
  }

  directory(name: string): string {
    return join(this.root, name)
  }

  exists(name: string): boolean {
    return existsSync(this.directory(name))
  }

  environment(): LabEnvironment {
    return {
      root: this.root,
      packageRoot,
      nodeBinary: process.execPath,
      clock: systemClock,
      random: Math.random,
      signal: new AbortController().signal,
      progress: () => undefined,
    }
  }

  open(name: string): Lab {
    return Lab.open(this.environment(), name)
  }

  /** Everything of the lab that runs, by its marks; what is in its containers has none. */
  processes(name: string): ProcessIdentity[] {
    return processesWithEnvironment(LAB_VARIABLE, this.directory(name))
  }

  assertNothingLeft(name: string): void {
    assert.deepEqual(this.processes(name), [])
    assert.ok(!this.exists(name))
    const hierarchies = ['', ...readdirSync('/sys/fs/cgroup')].map(path => join('/sys/fs/cgroup', path))
    const groups = hierarchies.map(path => join(path, labCgroup(this.directory(name))))
    assert.deepEqual(
      groups.filter(path => existsSync(path)),
      [],
    )
  }

  async close(): Promise<void> {
    for (const name of ['a', 'b']) await this.run('lab', 'down', '--name', name)
    rmSync(this.root, { recursive: true, force: true })
  }
}
