import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { isStatic } from './static-binary.ts'

const shim = readFileSync(join(import.meta.dirname, '../../../build/podlace-cni'))

describe('isStatic', () => {
  it('is so for a program that needs nothing, and not for one with a dynamic linker', () => {
    assert.ok(isStatic(shim))
    assert.ok(!isStatic(readFileSync('/bin/sh')))
  })

  it('is not so for what is no program', () => {
    for (const other of [Buffer.alloc(0), Buffer.from('#!/bin/sh\n'.repeat(10)), shim.subarray(0, 70)])
      assert.ok(!isStatic(other))
  })
})
