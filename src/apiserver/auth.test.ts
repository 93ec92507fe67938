import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { readTokenFile } from './auth.ts'

const directory = mkdtempSync(join(tmpdir(), 'podlace-tokens-'))
after(() => rmSync(directory, { recursive: true, force: true }))

function write(text: string): string {
  const path = join(directory, 'tokens')
  writeFileSync(path, text)
  return path
}

function refused(path: string, words: RegExp): void {
  assert.throws(
    () => readTokenFile(path),
    (error: Error) => words.test(error.message) && !error.message.includes('s3cret'),
  )
}

describe('readTokenFile', () => {
  it('reads a token a line, with user and access', () => {
    assert.deepEqual(readTokenFile(write('# ours\n\nabc\nxyz,ci , read\n')), [
      { token: 'abc', user: 'line-3', access: 'write' },
      { token: 'xyz', user: 'ci', access: 'read' },
    ])
  })

  it('says which line it cannot use, without showing the token', () => {
    refused(write('ok\ns3cret,ci,admin\n'), /line 2 of .*token,user,read/)
    refused(write('s3cret s3cret\n'), /line 1/)
    refused(write('\n# none\n'), /holds no token/)
    refused(join(directory, 'missing'), /does it exist/)
  })
})
