import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { hasCode } from '../base/index.ts'
import { commandOutput, runCommand } from './command.ts'

describe('runCommand', () => {
  it('gives exit status and both outputs', async () => {
    const result = await runCommand(['sh', '-c', 'cat; echo out; echo err >&2; exit 3'], { stdin: 'in ' })
    assert.deepEqual(result, { exitCode: 3, stdout: 'in out\n', stderr: 'err\n' })
  })

  it('kills what takes too long', async () => {
    const result = await runCommand(['sleep', '60'], { timeoutMs: 50 })
    assert.equal(result.exitCode, -1)
  })

  it('does not mind a program that leaves its input unread', async () => {
    const result = await runCommand(['true'], { stdin: 'x'.repeat(1 << 20) })
    assert.equal(result.exitCode, 0)
  })

  it('says what is not installed', async () => {
    await assert.rejects(runCommand(['podlace-no-such-tool']), error => {
      return hasCode(error, 'lab.tool-missing') && /podlace-no-such-tool/.test(error.message)
    })
  })
})

describe('commandOutput', () => {
  it('is an error with what the program said when it fails', async () => {
    await assert.rejects(commandOutput('do it', ['sh', '-c', 'echo no such link >&2; exit 1']), error => {
      return (
        hasCode(error, 'lab.command') && /cannot do it: .* exited with 1: no such link/.test(error.message)
      )
    })
  })
})
