import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PeerHealth, type ProbePurpose, type ProbeTarget } from './peer-health.ts'

const target: ProbeTarget = {
  family: 4,
  address: '10.244.2.0',
  publicAddress: '192.168.77.2',
  fullBytes: 1450,
}

/** A peer, turn by turn. */
class Story {
  readonly health: PeerHealth
  private nowMs = 1_000

  constructor(told: Partial<ProbeTarget> = {}) {
    this.health = new PeerHealth({ ...target, ...told })
  }

  /** @param answers who answers, and after how many milliseconds @returns what was asked */
  turn(answers: Partial<Record<ProbePurpose, number>>): readonly ProbePurpose[] {
    const asked = this.health.turn(this.nowMs)
    for (const purpose of asked) {
      const rttMs = answers[purpose]
      if (rttMs !== undefined) this.health.answered(purpose, this.nowMs + rttMs, 5_000)
    }
    this.health.judge()
    this.nowMs += 10_000
    return asked
  }

  turns(count: number, answers: Partial<Record<ProbePurpose, number>>): void {
    for (let n = 0; n < count; n += 1) this.turn(answers)
  }
}

const SOUND = { small: 2, full: 3, public: 1 }

test('nothing is claimed before there is an answer, or three are missing', () => {
  const story = new Story()
  assert.deepEqual(story.health.report, { state: 'unknown', fullSize: 'unknown' })
  story.turns(2, {})
  assert.equal(story.health.report.state, 'unknown')
  assert.ok(story.health.isSuspect)
  story.turn({})
  assert.equal(story.health.report.state, 'down')
  assert.ok(!story.health.isSuspect)
})

test('round trips are the median of the last ten, losses their part', () => {
  const story = new Story()
  story.turn({ small: 1_000, full: 1 })
  for (const small of [1, 2, 3, 4, 50, 6, 7, 8]) story.turn({ small, full: 1 })
  story.turn({})
  const { rttMs, lossRatio, state, lastSeen } = story.health.report
  assert.deepEqual([rttMs, lossRatio?.toFixed(3), state], [6, '0.100', 'up'])
  assert.deepEqual(lastSeen, { atMs: 81_008, wallMs: 5_000 })
  story.turns(10, SOUND)
  assert.deepEqual([story.health.report.rttMs, story.health.report.lossRatio], [2, 0])
})

test('one answer ends an outage', () => {
  const story = new Story()
  story.turns(20, {})
  assert.equal(story.health.report.state, 'down')
  story.turn({ small: 1 })
  const { state, answersPublicly } = story.health.report
  assert.deepEqual([state, answersPublicly], ['up', undefined])
})

test('the public address is asked only while the other does not answer', () => {
  const story = new Story()
  assert.deepEqual(story.turn(SOUND), ['small', 'full'])
  assert.deepEqual(story.turn({}), ['small'])
  assert.deepEqual(story.turn({ public: 1 }), ['small', 'public'])
  story.turn({ public: 1 })
  assert.equal(story.health.report.answersPublicly, true)
  story.turns(3, {})
  assert.equal(story.health.report.answersPublicly, false)
  story.turn(SOUND)
  assert.ok(!story.turn(SOUND).includes('public'))
})

test('a peer that is silent at both is known to be so with the verdict', () => {
  const story = new Story()
  story.turns(3, {})
  assert.equal(story.health.report.answersPublicly, false)
})

test('where nothing is between, there is no other address to ask', () => {
  const story = new Story({ address: '192.168.77.2' })
  story.turns(3, {})
  assert.deepEqual(story.turn({}), ['small'])
  const { state, answersPublicly } = story.health.report
  assert.deepEqual([state, answersPublicly], ['down', undefined])
})

test('packets of full size go out at first and every sixth turn', () => {
  const story = new Story()
  const sizes = Array.from({ length: 13 }, () => (story.turn(SOUND).includes('full') ? 'F' : '.'))
  assert.equal(sizes.join(''), 'F.....F.....F')
  assert.equal(story.health.report.fullSize, 'passes')
})

test('three of full size lost while small ones are answered are a matter of size', () => {
  const story = new Story()
  story.turn(SOUND)
  story.turns(7, { small: 1 })
  assert.equal(story.health.report.fullSize, 'passes')
  assert.ok(story.health.isSuspect)
  story.turn({ small: 1 })
  const { fullSize, state, toldMtu } = story.health.report
  assert.deepEqual([fullSize, state, toldMtu], ['lost', 'up', undefined])
  story.turn(SOUND)
  assert.equal(story.health.report.fullSize, 'passes')
})

test('if small ones are lost too, size is not the matter', () => {
  const story = new Story()
  assert.ok(story.turn({}).includes('full'))
  assert.ok(!story.turn({ small: 1 }).includes('full'))
  story.turns(2, { small: 1 })
  assert.equal(story.health.report.fullSize, 'unknown')
  story.turn({ small: 1 })
  assert.equal(story.health.report.fullSize, 'lost')
})

function tell(story: Story, mtu: number): void {
  story.health.turn(0)
  story.health.answered('small', 1, 1)
  story.health.tooBig('full', mtu)
  story.health.judge()
}

test('what ICMP says of the size is believed at once, and forgotten when it passes', () => {
  const story = new Story()
  tell(story, 1_400)
  assert.deepEqual([story.health.report.fullSize, story.health.report.toldMtu], ['lost', 1_400])
  story.turn(SOUND)
  assert.deepEqual([story.health.report.fullSize, story.health.report.toldMtu], ['passes', undefined])
})

test('sizes that cannot be are not believed', () => {
  for (const mtu of [0, 67, 1_450, 65_535]) {
    const story = new Story()
    tell(story, mtu)
    story.turns(2, { small: 1 })
    assert.deepEqual([story.health.report.fullSize, story.health.report.toldMtu], ['lost', undefined])
  }
  const six = new Story({ family: 6, fullBytes: 1_430 })
  tell(six, 1_279)
  assert.equal(six.health.report.toldMtu, undefined)
})

test('what is told again between two verdicts takes nothing back', () => {
  const story = new Story()
  tell(story, 1_400)
  story.health.turn(0)
  story.health.answered('small', 1, 1)
  story.health.tooBig('full', 1_400)
  assert.deepEqual([story.health.report.fullSize, story.health.report.toldMtu], ['lost', 1_400])
})

test('an answer that nobody waits for is none', () => {
  const { health } = new Story()
  health.answered('small', 1, 1)
  assert.equal(health.report.state, 'unknown')
  health.tooBig('full', 1_400)
  health.turn(5)
  health.answered('small', 6, 6)
  health.answered('small', 900, 900)
  assert.equal(health.report.rttMs, 1)
})

test('why this node could not send is told until it can', () => {
  const story = new Story()
  story.health.turn(0)
  story.health.refuse('ENETUNREACH')
  story.health.judge()
  assert.equal(story.health.report.refused, 'ENETUNREACH')
  story.turn(SOUND)
  assert.equal(story.health.report.refused, undefined)
})

const OFFLOADS = { offloads: true }

test('checksums are spoilt when only the probe with one from here is answered, twelve times in a row', () => {
  const story = new Story(OFFLOADS)
  assert.deepEqual(story.turn({}), ['small', 'full'])
  assert.deepEqual(story.turn({ summed: 2, public: 1 }), ['small', 'public', 'summed'])
  story.turns(10, { summed: 2, public: 1 })
  assert.equal(story.health.report.spoilsChecksums, undefined)
  assert.ok(story.health.isSuspect, 'soon it is clear')
  story.turn({ summed: 2, public: 1 })
  const { state, spoilsChecksums } = story.health.report
  assert.deepEqual([state, spoilsChecksums], ['down', true])
  assert.ok(!story.health.isSuspect)
  story.turn(SOUND)
  assert.equal(story.health.report.spoilsChecksums, undefined)
})

test('one turn without any answer, or with the usual one, is no fault of checksums', () => {
  for (const between of [{}, { ...SOUND, summed: 2 }]) {
    const story = new Story(OFFLOADS)
    story.turn({})
    story.turns(11, { summed: 2 })
    story.turn(between)
    story.turns(11, { summed: 2 })
    assert.equal(story.health.report.spoilsChecksums, undefined)
  }
})

test('where no device fills in checksums, nobody asks', () => {
  const story = new Story()
  story.turn({})
  assert.deepEqual(story.turn({}), ['small', 'public'])
})
