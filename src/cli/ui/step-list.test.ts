import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { COLOURED, choosePalette, PLAIN, visibleWidth } from './palette.ts'
import { renderStep, type StepView } from './step-list.ts'
import { renderTable } from './table.ts'

const options = { width: 80, palette: PLAIN, frame: 0 }
const done: StepView = { state: 'done', headline: 'agents ready', elapsedMs: 1234 }

describe('renderStep', () => {
  it('has mark, headline and time at the right', () => {
    const [line] = renderStep(done, options)
    assert.equal(line, `✔ agents ready${' '.repeat(80 - 14 - 8)}   1.2 s`)
  })

  it('puts figures before the time and details below', () => {
    const view = { ...done, figures: 'p50 0.06 ms', details: ['node-1', '', 'node-2'] }
    const [line = '', ...details] = renderStep(view, options)
    assert.match(line, /^✔ agents ready +p50 0\.06 ms +1\.2 s$/)
    assert.deepEqual(details, ['    node-1', '', '    node-2'])
  })

  it('marks a failure', () => {
    assert.match(renderStep({ ...done, state: 'failed' }, options)[0] ?? '', /^✘ /)
  })

  it('is one line of at most the width while it runs, with and without colours', () => {
    fc.assert(
      fc.property(
        fc.string({ maxLength: 200 }).map(text => text.replaceAll(/\p{C}/gu, '')),
        fc.integer({ min: 20, max: 200 }),
        fc.constantFrom(PLAIN, COLOURED),
        (text, width, palette) => {
          const view: StepView = { state: 'running', headline: 'step', activity: text, elapsedMs: 10 }
          const lines = renderStep(view, { width, palette, frame: 3 })
          assert.equal(lines.length, 1)
          assert.ok(visibleWidth(lines[0] ?? '') <= width)
        },
      ),
    )
  })

  it('turns its spinner', () => {
    const running: StepView = { ...done, state: 'running' }
    assert.notDeepEqual(renderStep(running, options), renderStep(running, { ...options, frame: 1 }))
  })
})

describe('choosePalette', () => {
  it('colours a terminal, unless it is told not to', () => {
    assert.equal(choosePalette(true, {}), COLOURED)
    assert.equal(choosePalette(true, { NO_COLOR: '1' }), PLAIN)
    assert.equal(choosePalette(true, { NO_COLOR: '' }), COLOURED)
    assert.equal(choosePalette(true, { TERM: 'dumb' }), PLAIN)
    assert.equal(choosePalette(false, {}), PLAIN)
    assert.equal(choosePalette(false, { FORCE_COLOR: '1' }), COLOURED)
  })
})

describe('renderTable', () => {
  it('aligns columns by what is seen', () => {
    const rows = [
      ['a', COLOURED.bad('bb'), 'c'],
      ['aaa', 'b', 'c'],
    ]
    assert.deepEqual(renderTable(rows), [`a    ${COLOURED.bad('bb')}  c`, 'aaa  b   c'])
  })
})
