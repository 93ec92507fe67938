import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { commandWords } from './command-words.ts'

const read: readonly [line: string, program: string, ...args: string[]][] = [
  ['/usr/bin/route', '/usr/bin/route'],
  ['  add  a\tb ', 'add', 'a', 'b'],
  ['tell "two words" \'and three more\'', 'tell', 'two words', 'and three more'],
  ['tell --name="a b"c', 'tell', '--name=a bc'],
  ['tell \'\' ""', 'tell', '', ''],
  [`tell "it's" 'say "so"'`, 'tell', "it's", 'say "so"'],
  ['tell \'$HOME | all\' "a | b"', 'tell', '$HOME | all', 'a | b'],
  ['tell key=value', 'tell', 'key=value'],
]

for (const [line, program, ...args] of read) {
  test(`read: ${line}`, () => assert.deepEqual(commandWords(line), { program, args }))
}

const refused: readonly [line: string, fault: RegExp][] = [
  ['', /names no program/],
  ['   ', /names no program/],
  ["''", /names no program/],
  ['a | b', /^\| is a pipe .*put it in a script/],
  ['a && b', /^& is a list/],
  ['a; b', /^; is a list/],
  ['a > /etc/passwd', /^> is a redirection/],
  ['echo $SUBNET', /^\$ is a variable/],
  ['echo "$SUBNET"', /^\$ is a variable/],
  ['echo `id`', /command substitution/],
  ['echo a\\ b', /an escape/],
  ['ls *', /a pattern/],
  ['a\nb', /^a line break is a second command/],
  ['a "b', /a quote " has no end/],
  ['PATH=/tmp a', /PATH=\/tmp is an assignment/],
]

for (const [line, fault] of refused) {
  test(`refused: ${JSON.stringify(line)}`, () => {
    const words = commandWords(line)
    assert.match('fault' in words ? words.fault : 'it was taken', fault)
  })
}

test('words in single quotes come back, whatever they are', () => {
  const word = fc.string({ unit: 'binary' }).filter(text => !text.includes("'"))
  fc.assert(
    fc.property(fc.array(word), args => {
      const line = ['program', ...args.map(text => `'${text}'`)].join(' ')
      assert.deepEqual(commandWords(line), { program: 'program', args })
    }),
  )
})
