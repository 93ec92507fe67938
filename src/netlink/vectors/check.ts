import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Request } from '../messages.ts'
import { compared, recorded } from './compare.ts'
import { readVectors } from './vectors.ts'

/** What we send where the command sends what was recorded. */
export interface Expectation {
  readonly command: string
  readonly requests: readonly Request[]
  /** Attribute paths that may differ, and why they may. */
  readonly ignored?: Readonly<Record<string, string>>
}

export function expectation(
  command: string,
  requests: Request | readonly Request[],
  ignored: Readonly<Record<string, string>> = {},
): Expectation {
  return { command, requests: Array.isArray(requests) ? requests : [requests], ignored }
}

/** One test a command, and one that none is forgotten. Recorded on a little-endian machine. */
export function checkVectors(
  group: string,
  expectations: readonly Expectation[],
  headerBytes?: number,
): void {
  const vectors = readVectors(group)
  test(`every recorded ${group} command has its request`, () => {
    assert.deepEqual(
      expectations.map(({ command }) => command),
      [...vectors.keys()],
    )
  })
  for (const { command, requests, ignored = {} } of expectations) {
    test(command, () => {
      const paths = Object.keys(ignored)
      const messages = vectors.get(command) ?? []
      const theirs = messages.map((message, i) =>
        recorded(message, requests[i] ?? noRequest, paths, headerBytes),
      )
      const ours = requests.map(request => compared(request, paths, headerBytes))
      assert.deepEqual(ours, theirs)
    })
  }
}

const noRequest: Request = { type: 0, flags: 0, body: new Uint8Array(12), what: 'nothing' }
