import assert from 'node:assert/strict'
import { pbkdf2 } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { promisify } from 'node:util'
import fc from 'fast-check'
import type { Aside } from '../../base/index.ts'
import { FileJournalDisk, type JournalDisk } from './disk.ts'
import { Journal } from './journal.ts'

const BOOT = 'boot-a'
let directory: string

beforeEach(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'podlace-journal-'))
})
afterEach(() => fs.rmSync(directory, { recursive: true, force: true }))

function file(): string {
  return path.join(directory, 'attachments')
}

function open(options: { bootId?: string; recover?: boolean; disk?: JournalDisk } = {}): Journal<unknown> {
  const { bootId = BOOT, recover = false, disk = new FileJournalDisk(file()) } = options
  return new Journal({ disk, bootId, recover, parse: value => value })
}

function contents(journal: Journal<unknown>): Record<string, unknown> {
  return Object.fromEntries(journal.records())
}

test('what was intended is there again after the process died without a word', async () => {
  const journal = open()
  await journal.intend('a/eth0', { address: '10.244.1.2' }).done
  await journal.intend('b/eth0', { address: '10.244.1.3' }).done
  journal.done('b/eth0')
  assert.deepEqual(contents(open()), {
    'a/eth0': { value: { address: '10.244.1.2' }, done: false },
    'b/eth0': { value: { address: '10.244.1.3' }, done: true },
  })
})

test('another boot id empties the journal and says so', async () => {
  const journal = open()
  await journal.intend('a/eth0', {}).done
  const next = open({ bootId: 'boot-b' })
  assert.equal(next.count, 0)
  assert.match(next.notice ?? '', /1 attachments of its last life/)
})

test('a last record cut short anywhere is dropped, all before it stays', async () => {
  const journal = open()
  await journal.intend('a/eth0', { n: 1 }).done
  const whole = usedBytes()
  await journal.intend('b/eth0', { n: 2 }).done
  const used = usedBytes()
  const original = fs.readFileSync(file())
  for (let cut = whole + 1; cut < used - 1; cut += 7) {
    const torn = Buffer.from(original)
    torn.fill(0, cut)
    fs.writeFileSync(file(), torn)
    assert.deepEqual(Object.keys(contents(open())), ['a/eth0'], `cut at ${cut}`)
  }
})

test('a flipped byte before valid records is damage: refused with advice, recovered on demand', async () => {
  const journal = open()
  await journal.intend('a/eth0', { n: 1 }).done
  await journal.intend('b/eth0', { n: 2 }).done
  const bytes = fs.readFileSync(file())
  const at = bytes.indexOf('"n":1')
  bytes[at + 4] = '7'.charCodeAt(0)
  fs.writeFileSync(file(), bytes)
  assert.throws(() => open(), {
    code: 'agent.journal-corrupt',
    message: /\/attachments is damaged: 1 of .* 1 can.*--recover-journal/,
  })
  assert.deepEqual(fs.readFileSync(file()), bytes, 'a refused file is left as it was')
  const recovered = open({ recover: true })
  assert.deepEqual(Object.keys(contents(recovered)), ['b/eth0'])
  assert.ok(fs.existsSync(`${file()}.corrupt-1`))
})

test('a record whose content cannot be understood counts as damage, not as a defect', async () => {
  const journal = open()
  await journal.intend('a/eth0', { n: 1 }).done
  await journal.intend('b/eth0', { n: 'two' }).done
  await journal.close()
  assert.throws(() => reopenNumbered(false), { code: 'agent.journal-corrupt', message: /--recover-journal/ })
  assert.deepEqual(Object.keys(contents(reopenNumbered(true))), ['a/eth0'])
  assert.equal(reopenNumbered(false).count, 1)
})

test('with a damaged header the records behind it are kept, all of them', async () => {
  const journal = open()
  await journal.intend('a/eth0', { n: 1 }).done
  await journal.intend('b/eth0', { n: 2 }).done
  const bytes = fs.readFileSync(file())
  bytes[0] = (bytes[0] ?? 0) ^ 1
  fs.writeFileSync(file(), bytes)
  assert.throws(() => open(), {
    code: 'agent.journal-corrupt',
    message: /1 of its records cannot be read, 2 can/,
  })
  assert.deepEqual(Object.keys(contents(open({ recover: true }))), ['a/eth0', 'b/eth0'])
})

test('damage in the journal of an earlier life does not matter', async () => {
  const journal = open()
  await journal.intend('a/eth0', { n: 1 }).done
  await journal.intend('b/eth0', { n: 2 }).done
  const bytes = fs.readFileSync(file())
  bytes.write('7', bytes.indexOf('"n":1') + 4)
  fs.writeFileSync(file(), bytes)
  assert.equal(open({ bootId: 'boot-b' }).count, 0)
})

test('a disk that is full at the start is told in words, and the old file stays', async () => {
  const journal = open()
  await journal.intend('a/eth0', { n: 1 }).done
  const disk = new FullDisk(new FileJournalDisk(file()))
  disk.full = true
  assert.throws(() => open({ disk }), {
    code: 'agent.journal',
    message: /\/attachments.*must have room for 256 KiB/,
  })
  assert.equal(open().count, 1)
})

test('a file of something else is refused, never overwritten', () => {
  fs.writeFileSync(file(), 'not a journal\nat all\n')
  assert.throws(() => open(), { code: 'agent.journal-corrupt' })
  assert.equal(fs.readFileSync(file(), 'utf8'), 'not a journal\nat all\n')
})

test('on a full disk a new intent is refused and leaves nothing, while endings still fit', async () => {
  const disk = new FullDisk(new FileJournalDisk(file()))
  const journal = open({ disk })
  const filler = 'x'.repeat(20_000)
  disk.full = true
  const kept: string[] = []
  const fill = async () => {
    for (let n = 0; n < 100; n += 1) {
      await journal.intend(`pod-${n}/eth0`, filler).done
      kept.push(`pod-${n}/eth0`)
    }
  }
  await assert.rejects(fill(), { code: 'cni.io', message: /attachments: ENOSPC.*free space/ })
  assert.ok(kept.length > 3)
  for (const key of kept) journal.done(key)
  for (const key of kept.slice(1)) journal.forget(key)
  assert.deepEqual(Object.keys(contents(open())), [kept[0]])
})

test('many intents at once share their syncs', async () => {
  const disk = new FullDisk(new FileJournalDisk(file()))
  const journal = open({ disk })
  const before = disk.syncs
  // Else a quick disk is done with one before the next intent comes, which then begins another.
  const letSyncsEnd = disk.holdSyncs()
  const synced = Promise.all(Array.from({ length: 50 }, (_, n) => journal.intend(`pod-${n}/eth0`, n).done))
  assert.equal(disk.syncs - before, 1)
  letSyncsEnd()
  await synced
  assert.equal(disk.syncs - before, 2)
  assert.equal(open().count, 50)
})

test('property: reopening gives what a plain map would hold, through compactions', async () => {
  const command = fc.record({
    op: fc.constantFrom('intend', 'done', 'forget', 'reopen'),
    key: fc.constantFrom('a/eth0', 'b/eth0', 'c/net1', '__proto__/eth0'),
    size: fc.constantFrom(1, 5_000, 60_000),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(command, { maxLength: 25 }), async commands => {
      fs.rmSync(file(), { force: true })
      const model = new Map<string, { value: unknown; done: boolean }>()
      let journal = open()
      for (const { op, key, size } of commands) {
        if (op === 'intend') {
          await journal.intend(key, 'v'.repeat(size)).done
          model.set(key, { value: 'v'.repeat(size), done: false })
        } else if (op === 'done') {
          journal.done(key)
          const record = model.get(key)
          if (record !== undefined) record.done = true
        } else if (op === 'forget') {
          journal.forget(key)
          model.delete(key)
        } else {
          await journal.close()
          journal = open()
        }
      }
      await journal.close()
      assert.deepEqual(new Map(open().records()), model)
    }),
    { numRuns: 60 },
  )
})

function usedBytes(): number {
  const bytes = fs.readFileSync(file())
  let end = bytes.length
  while (end > 0 && bytes[end - 1] === 0) end -= 1
  return end
}

/** A disk that can be full for new files while writes inside the allocated one go on. */
class FullDisk implements JournalDisk {
  readonly name: string
  full = false
  syncs = 0
  private held: Promise<void> | undefined
  private readonly inner: JournalDisk

  constructor(inner: JournalDisk) {
    this.name = inner.name
    this.inner = inner
  }

  read(): Uint8Array | undefined {
    return this.inner.read()
  }
  replace(bytes: Uint8Array): void {
    if (this.full) throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' })
    this.inner.replace(bytes)
  }
  write(offset: number, bytes: Uint8Array): void {
    this.inner.write(offset, bytes)
  }
  /** Syncs that begin from now on do not end before the function is called that this returns. */
  holdSyncs(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.held = promise
    return () => {
      this.held = undefined
      resolve()
    }
  }
  sync(): Aside {
    this.syncs += 1
    const { held } = this
    const { isDone, done } = this.inner.sync()
    return held === undefined ? { isDone, done } : { isDone: () => false, done: held.then(() => done) }
  }
  setAside(): string {
    return this.inner.setAside()
  }
  close(): void {
    this.inner.close()
  }
}

function reopenNumbered(recover: boolean): Journal<unknown> {
  return new Journal({ disk: new FileJournalDisk(file()), bootId: BOOT, recover, parse: parseNumbered })
}

function parseNumbered(value: unknown): unknown {
  if (typeof value === 'object' && value !== null && 'n' in value && typeof value.n === 'number') return value
  throw new TypeError('expected a number')
}

test('who waits for a sync gets the next one, however many come as it ends', async () => {
  // Under way, in order: each is on the disk when it says so, and is heard of a little later.
  const syncs: { isDone: boolean; end: () => void }[] = []
  class SlowDisk extends FileJournalDisk {
    override sync(): Aside {
      const { promise, resolve } = Promise.withResolvers<void>()
      const sync = { isDone: false, end: resolve }
      syncs.push(sync)
      return { isDone: () => sync.isDone, done: promise }
    }
  }
  const journal = open({ disk: new SlowDisk(file()) })
  void journal.intend('a', 1)
  const waiting = journal.intend('b', 2)
  for (let n = 0; n < 3; n += 1) {
    const sync = syncs[n]
    assert.ok(sync, `sync ${n}`)
    sync.isDone = true
    void journal.intend(`late ${n}`, n)
    sync.end()
    await new Promise(setImmediate)
    if (n >= 1) assert.ok(waiting.isDone(), `after sync ${n}`)
  }
  await waiting.done
})

test('a file that is replaced while another intent is being synced fails nobody', async () => {
  const lower = fs.openSync('/dev/null', 'r')
  const journal = open({ disk: new FileJournalDisk(file()) })
  // The pool's threads are busy: the sync begins only after the file was replaced, and got another descriptor.
  const busy = Array.from({ length: 4 }, () => promisify(pbkdf2)('a', 'b', 200_000, 32, 'sha256'))
  const first = journal.intend('a', 1).done
  fs.closeSync(lower)
  await Promise.all([first, journal.intend('b', 'x'.repeat(300_000)).done])
  await Promise.all(busy)
  assert.deepEqual(Object.keys(contents(journal)), ['a', 'b'])
  await journal.close()
})
