import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { hasCode } from '../base/index.ts'
import { checkBuilt, checkTools, installProgram, nodeToMount, packageRoot } from './program.ts'
import { checkRoot } from './root.ts'

let root = ''
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'podlace-program-'))
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

const BUILT = [
  'dist/podlace.mjs',
  'dist/chunk-1.mjs',
  'build/podlace.node',
  'build/podlace-cni',
  'build/podlace-udp',
  'node',
]

/** A package with all that the lab needs of it, as a private umask would leave it. */
function built(): string {
  const from = join(root, 'package')
  for (const file of BUILT) {
    mkdirSync(join(from, file, '..'), { recursive: true })
    writeFileSync(join(from, file), file)
    chmodSync(join(from, file), 0o700)
  }
  return from
}

describe('installProgram', () => {
  it('makes copies that everybody may run, of a Node binary too if only root may run it', () => {
    const from = built()
    const target = join(root, 'lab', 'program')
    installProgram(from, join(from, 'node'), target)
    assert.equal(nodeToMount(target, join(from, 'node')), join(target, 'node'))
    for (const file of BUILT) assert.equal(statSync(join(target, file)).mode & 0o777, 0o755)
  })

  it('leaves a Node binary where it is if everybody may run it', () => {
    const from = built()
    chmodSync(join(from, 'node'), 0o755)
    const target = join(root, 'lab', 'program')
    installProgram(from, join(from, 'node'), target)
    assert.equal(nodeToMount(target, join(from, 'node')), join(from, 'node'))
  })
})

describe('what the lab needs', () => {
  it('is named when it has not been built', () => {
    assert.throws(
      () => checkBuilt(root),
      error => hasCode(error, 'lab.not-built') && /podlace-udp .*npm run build/.test(error.message),
    )
    assert.doesNotThrow(() => checkBuilt(built()))
  })

  it('is named when it is not installed', () => {
    assert.doesNotThrow(() => checkTools(['node'], join(built())))
    assert.throws(
      () => checkTools(['ip', 'bridge'], root),
      error =>
        hasCode(error, 'lab.tool-missing') && /ip, bridge, which are not installed/.test(error.message),
    )
  })

  it('is root, which is said in one sentence', () => {
    assert.doesNotThrow(() => checkRoot(0))
    assert.throws(() => checkRoot(1000), /needs root.*sudo/)
  })
})

describe('packageRoot', () => {
  it('is where package.json is', () => {
    assert.ok(statSync(join(packageRoot(), 'package.json')).isFile())
  })
})
