import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ManualClock } from '../../base/index.ts'
import { PLAIN } from './palette.ts'
import { Progress } from './progress.ts'

function setUp(isTerminal: boolean) {
  const clock = new ManualClock()
  let text = ''
  const screen = {
    isTerminal,
    width: 60,
    write(added: string) {
      text += added
    },
  }
  const progress = new Progress({ screen, palette: PLAIN, clock })
  return { clock, progress, text: () => text }
}

describe('Progress in a pipe', () => {
  it('prints each finished step once, and nothing else', async () => {
    const { clock, progress, text } = setUp(false)
    progress.start('working')
    progress.activity('on this')
    await clock.advance(1_500)
    assert.equal(text(), '')
    assert.equal(progress.end({ ok: true, headline: 'worked', details: ['a line'] }), 1_500)
    progress.clear()
    assert.match(text(), /^✔ worked +1\.5 s\n {4}a line\n$/)
  })
})

describe('Progress on a terminal', () => {
  it('redraws the running step in place, and leaves the finished one', async () => {
    const { clock, progress, text } = setUp(true)
    progress.start('working')
    await clock.advance(200)
    assert.ok(!text().includes('\n'))
    assert.ok(text().split('\r\u001b[2K').length > 3)
    progress.end({ ok: false, headline: 'broken' })
    const afterwards = text()
    assert.match(afterwards, /✘ broken +200 ms\n$/)
    await clock.advance(1_000)
    assert.equal(text(), afterwards)
  })

  it('takes an unfinished step away without a trace', () => {
    const { progress, text } = setUp(true)
    progress.start('working')
    progress.clear()
    assert.ok(text().endsWith('\r\u001b[2K'))
  })

  it('prints lines above the running step', () => {
    const { progress, text } = setUp(true)
    progress.start('working')
    progress.print(['a line'])
    assert.ok(text().includes('\u001b[2Ka line\n'))
    assert.ok(text().lastIndexOf('working') > text().indexOf('a line'))
  })
})
