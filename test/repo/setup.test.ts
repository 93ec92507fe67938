import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { ROOT } from '../../scripts/repo-files.ts'

const SCRIPT = join(ROOT, 'scripts/setup.sh')

interface Machine {
  /** What `id -u` answers. */
  readonly uid: number
  readonly aptGet: boolean
}

/** Runs the script on a machine that has a shell and next to nothing else; what it asks of apt-get is written down. */
function setup(machine: Machine, level = 'build') {
  const bin = mkdtempSync(join(tmpdir(), 'podlace-setup-'))
  const log = join(bin, 'apt.log')
  const command = (name: string, text: string) => {
    writeFileSync(join(bin, name), `#!/bin/bash\n${text}\n`)
    chmodSync(join(bin, name), 0o755)
  }
  try {
    writeFileSync(log, '')
    for (const name of ['bash', 'dirname', 'mkdir', 'flock', 'cksum'])
      symlinkSync(`/usr/bin/${name}`, join(bin, name))
    command('id', `echo ${machine.uid}`)
    if (machine.aptGet)
      command('apt-get', `echo "$DEBIAN_FRONTEND $*" >> ${log}; exit \${PODLACE_APT_FAILS:-0}`)
    const env = { PATH: bin, PODLACE_APT_FAILS: '1' }
    const { status, stderr } = spawnSync('/bin/bash', [SCRIPT, level], { env, encoding: 'utf8' })
    return { status, stderr, aptGet: readFileSync(log, 'utf8') }
  } finally {
    rmSync(bin, { recursive: true })
  }
}

describe('setup without what it needs', () => {
  it('says without root which command to run, and runs none', () => {
    const { status, stderr, aptGet } = setup({ uid: 1000, aptGet: true })
    assert.equal(status, 1)
    assert.match(stderr, /missing: .*\bgcc\b.*\bmusl-tools\b/)
    assert.match(stderr, /run as root/)
    assert.match(stderr, /apt-get update && apt-get install -y --no-install-recommends .*\bgcc\b/)
    assert.equal(aptGet, '')
  })

  it('names the packages on a machine without apt-get', () => {
    const { status, stderr } = setup({ uid: 0, aptGet: false })
    assert.equal(status, 1)
    assert.match(stderr, /missing: .*\bgcc\b/)
    assert.match(stderr, /package manager/)
  })

  it('asks apt-get without questions and with patience, and stops when it fails', () => {
    const { status, stderr, aptGet } = setup({ uid: 0, aptGet: true })
    assert.equal(status, 1)
    assert.equal(aptGet, 'noninteractive -o DPkg::Lock::Timeout=300 update\n')
    assert.match(stderr, /this failed: apt-get .*update/)
  })

  it('knows its levels', () => {
    assert.match(setup({ uid: 0, aptGet: false }, 'everything').stderr, /unknown level: everything/)
  })
})
