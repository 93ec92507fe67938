import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import process from 'node:process'
import { it } from 'node:test'
import { build, type Plugin } from 'esbuild'
import { builtinsByName } from './bundle-plugins.ts'

/** What a bundle of this program prints. */
async function outputOf(program: string, plugins: Plugin[]): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: program },
    bundle: true,
    write: false,
    platform: 'node',
    format: 'esm',
    plugins,
  })
  const argv = ['--input-type=module', '--eval', outputFiles[0]?.text ?? '']
  return execFileSync(process.execPath, argv, { encoding: 'utf8' })
}

it('leaves unloaded what a module of Node exports and nobody imports', async () => {
  const program = `import { createServer } from 'node:http'
    console.log(typeof createServer, process.moduleLoadList.includes('NativeModule internal/deps/undici/undici'))`
  assert.equal(await outputOf(program, [builtinsByName]), 'function false\n')
  // Else the line above says nothing.
  assert.equal(await outputOf(program, []), 'function true\n')
})

it('gives the same as an import, whichever way it is written', async () => {
  const program = `import fs, { existsSync as exists } from 'node:fs'
    import * as path from 'node:path'
    console.log(fs.existsSync === exists, exists('/'), path.join('/a', '../b'))`
  assert.equal(await outputOf(program, [builtinsByName]), 'true true /b\n')
})
