import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { describe, it } from 'node:test'
import { packTar } from './tar.ts'

const archive = packTar([
  { path: 'bin', type: 'directory', mode: 0o755 },
  { path: 'bin/program', type: 'file', mode: 0o4755, content: Buffer.from('x'.repeat(513)) },
  { path: 'bin/other', type: 'symlink', target: 'program' },
  { path: 'empty', type: 'file', mode: 0o644, content: new Uint8Array() },
])
const tar = (...options: string[]) =>
  spawnSync('tar', [...options, '-f', '-'], {
    input: archive,
    encoding: 'utf8',
    env: { ...process.env, TZ: 'UTC' },
  })

describe('packTar', () => {
  it('makes what tar reads', () => {
    const { status, stdout, stderr } = tar('--list', '--verbose', '--numeric-owner', '--full-time')
    assert.deepEqual([status, stderr], [0, ''])
    assert.deepEqual(
      stdout
        .trimEnd()
        .split('\n')
        .map(line => line.replace(/ +/g, ' ')),
      [
        'drwxr-xr-x 0/0 0 1970-01-01 00:00:00 bin',
        '-rwsr-xr-x 0/0 513 1970-01-01 00:00:00 bin/program',
        'lrwxrwxrwx 0/0 0 1970-01-01 00:00:00 bin/other -> program',
        '-rw-r--r-- 0/0 0 1970-01-01 00:00:00 empty',
      ],
    )
  })

  it('keeps the content', () => {
    assert.equal(tar('--extract', '--to-stdout').stdout, 'x'.repeat(513))
  })

  it('refuses a path that the format has no room for', () => {
    assert.throws(() => packTar([{ path: 'x'.repeat(101), type: 'directory', mode: 0o755 }]), /too long/)
  })
})
