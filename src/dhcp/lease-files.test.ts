import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { type Logger, silentLogger } from '../base/index.ts'
import { leaseFiles } from './lease-files.ts'
import { type LeaseRecord, recordKey } from './record.ts'
import { SERVER, SERVER_MAC } from './testing.ts'

let directory: string
let errors: unknown[]

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'podlace-dhcp-'))
  errors = []
})

afterEach(() => rmSync(directory, { recursive: true, force: true }))

const log: Logger = { ...silentLogger, error: (_message, fields) => void errors.push(fields) }
const open = (bootId = 'boot-1') => leaseFiles(directory, bootId, log)

const record: LeaseRecord = {
  containerId: 'c'.repeat(300),
  ifName: 'eth0',
  network: 'lan',
  place: { netns: '/run/netns/c1', cookie: '18446744073709551615', linkIndex: 2 },
  client: {
    broadcast: true,
    options: new Map([
      [61, Uint8Array.of(0, 0x63)],
      [12, new Uint8Array()],
    ]),
  },
  lease: {
    address: '10.1.0.9/24',
    server: SERVER,
    serverMac: SERVER_MAC,
    renewMs: 1.5,
    rebindMs: 2,
    endMs: 4_294_967_295_000,
  },
  fault: 'no DHCP server answered',
}

/** The one file there is, and what is in it. */
function file(): { readonly path: string; readonly text: string } {
  const [name = '', ...more] = readdirSync(directory)
  assert.deepEqual(more, [])
  return { path: join(directory, name), text: readFileSync(join(directory, name), 'utf8') }
}

describe('files of leases', () => {
  it('are read as they were written, and go when they are removed', () => {
    open().write({ ...record, network: 'older' })
    open().remove(recordKey({ ...record, network: 'older' }))
    open().write({ ...record, ifName: 'eth0', fault: 'older' })
    open().write(record)
    assert.deepEqual(open().load(), [record])
    open().remove(recordKey(record))
    open().remove(recordKey(record))
    assert.deepEqual([open().load(), readdirSync(directory), errors], [[], [], []])
  })

  it('of an earlier life of the machine are forgotten', () => {
    open('boot-0').write(record)
    assert.deepEqual([open().load(), readdirSync(directory), errors], [[], [], []])
  })

  it('that are damaged are told of and forgotten', () => {
    for (const damage of [
      (text: string) => text.replace('10.1.0.9', '10.1.0.8'),
      (text: string) => text.slice(0, 90),
      () => '',
    ]) {
      open().write(record)
      const { path, text } = file()
      writeFileSync(path, damage(text))
      assert.deepEqual([open().load(), readdirSync(directory)], [[], []])
    }
    assert.equal(errors.length, 3)
    assert.match(JSON.stringify(errors[0]), /its checksum is wrong/)
  })

  it('that another version wrote are told of by what is not understood', () => {
    open().write({ ...record, lease: { ...record.lease, server: 'nobody' } })
    assert.deepEqual(open().load(), [])
    assert.match(JSON.stringify(errors), /lease\.server/)
  })

  it("are nobody else's: others in the directory stay", () => {
    writeFileSync(join(directory, 'lock'), '')
    open().write(record)
    assert.equal(open().load().length, 1)
    assert.ok(readdirSync(directory).includes('lock'))
  })
})
