import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { failureLines, notRunReasons, scoreOf, tableOf, toJson, toJunit } from './render.ts'
import { type CaseReport, type CaseStatus, summarize } from './report.ts'

function report(id: string, status: CaseStatus, ...reasons: string[]): CaseReport {
  return { id, title: `title of ${id}`, source: 'SPEC', status, reasons, elapsedMs: 1234 }
}

const SUITE = summarize([
  report('bridge.add.a', 'passed'),
  report('bridge.add.b', 'failed', 'x: expected 1; found 2'),
  report('ipvlan.add.a', 'not-runnable', 'this kernel has no ipvlan'),
  report('ipvlan.add.b', 'not-runnable', 'this kernel has no ipvlan'),
  report('dhcp.add.a', 'not-applicable', 'there is no plugin dhcp'),
])

describe('summarize', () => {
  it('counts by the first part of the ids, in their order', () => {
    assert.deepEqual([...SUITE.groups.keys()], ['bridge', 'ipvlan', 'dhcp'])
    assert.deepEqual(SUITE.groups.get('bridge'), {
      passed: 1,
      failed: 1,
      'not-applicable': 0,
      'not-runnable': 0,
    })
  })
})

describe('scoreOf', () => {
  it('counts what was tried only: what could not be run is neither for nor against', () => {
    assert.equal(scoreOf(SUITE), 'score: 1 of 2 cases passed (50 %)')
  })

  it('never rounds up to all', () => {
    const many = Array.from({ length: 999 }, (_, index) => report(`a.${index}`, 'passed'))
    assert.match(scoreOf(summarize([...many, report('a.b', 'failed', 'x')])), /\(99 %\)/)
  })

  it('is 0 of nothing', () => {
    assert.match(scoreOf(summarize([])), /0 of 0 .*\(0 %\)/)
  })
})

describe('tableOf', () => {
  it('has a row for each plugin and the sum', () => {
    assert.deepEqual(tableOf(SUITE).slice(1), [
      ['bridge', '1', '1', '-', '-'],
      ['ipvlan', '-', '-', '-', '2'],
      ['dhcp', '-', '-', '1', '-'],
      ['total', '1', '1', '1', '2'],
    ])
  })
})

describe('notRunReasons', () => {
  it('tells each reason once, with how many cases it kept', () => {
    assert.deepEqual(notRunReasons(SUITE, 'not-runnable'), ['2 cases: this kernel has no ipvlan'])
    assert.deepEqual(notRunReasons(SUITE, 'not-applicable'), ['1 case: there is no plugin dhcp'])
  })
})

describe('failureLines', () => {
  it('says what was demanded, what was found and who demands it', () => {
    const text = failureLines(report('bridge.add.b', 'failed', 'x: expected 1; found 2')).join('\n')
    assert.match(text, /bridge\.add\.b: title[^]*expected 1; found 2[^]*demanded by SPEC/)
  })
})

describe('toJson', () => {
  it('survives being printed and read', () => {
    const { total, groups, cases } = JSON.parse(JSON.stringify(toJson(SUITE)))
    assert.equal(total.failed, 1)
    assert.equal(groups.ipvlan['not-runnable'], 2)
    assert.equal(cases[1].reasons[0], 'x: expected 1; found 2')
  })
})

describe('toJunit', () => {
  it('has one suite a plugin, with failures and skipped cases', () => {
    const xml = toJunit(SUITE)
    assert.match(xml, /<testsuite name="bridge" tests="2" failures="1" skipped="0">/)
    assert.match(xml, /<testsuite name="ipvlan" tests="2" failures="0" skipped="2">/)
    assert.match(xml, /<testcase classname="bridge" name="add\.a: [^"]*" time="1\.234"\/>/)
    assert.match(xml, /<failure message="x: expected 1; found 2">/)
    assert.match(xml, /<skipped message="not-runnable: this kernel has no ipvlan"\/>/)
  })

  it('escapes what XML cannot hold', () => {
    const hostile = report('a.b', 'failed', `<&"> \u0000\u001b ]]> \uD800`)
    const xml = toJunit(summarize([hostile]))
    assert.match(xml, /&lt;&amp;&quot;&gt; \uFFFD\uFFFD \]\]&gt; \uFFFD/)
    assert.ok(!xml.includes('\u0000') && !xml.includes('\u001b'))
  })
})
