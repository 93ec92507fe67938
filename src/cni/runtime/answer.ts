import * as v from 'valibot'
import { errorText, hasCode, type PodlaceError } from '../../base/index.ts'
import type { CniErrorReply } from '../errors.ts'
import { formatResult, parseResult } from '../result.ts'
import { type CniCommand, type CniVersion, parseVersion } from '../versions.ts'
import { type RuntimeErrorPayload, runtimeError } from './errors.ts'
import { type JsonObject, parseOutsideJson } from './outside-json.ts'
import type { PluginOutput } from './plugin-process.ts'

const errorReply = v.object({
  cniVersion: v.exactOptional(v.string()),
  code: v.pipe(v.number(), v.integer()),
  msg: v.optional(v.string(), ''),
  details: v.optional(v.string(), ''),
})

const versions = v.object({ supportedVersions: v.array(v.string()) })

/**
 * What ADD printed, as a result of version `wanted`: as it came, if it is one already, since a plugin may say more
 * than the specification knows.
 *
 * Throws `cni.runtime.plugin-answer`.
 */
export function readResult(plugin: string, output: PluginOutput, wanted: CniVersion): JsonObject {
  const source = `the result of plugin ${plugin}`
  try {
    return resultOfVersion(parseOutsideJson(output.stdout, `read ${source}`, source), wanted)
  } catch (error) {
    throw noAnswer(plugin, error)
  }
}

/** Throws `cni.incompatible-version` (1), or `cni.invalid-configuration` (7) for what cannot be converted. */
export function resultOfVersion(result: JsonObject, wanted: CniVersion): JsonObject {
  // Without a version it is in the one that was asked for.
  const version = result['cniVersion'] ?? ''
  if (version === '') return { ...result, cniVersion: wanted }
  return parseVersion(version) === wanted ? result : formatResult(parseResult(result, wanted), wanted)
}

/** What VERSION printed. Throws `cni.runtime.plugin-answer`. */
export function readVersions(plugin: string, output: PluginOutput): readonly string[] {
  const source = `the versions of plugin ${plugin}`
  try {
    return v.parse(versions, parseOutsideJson(output.stdout, `read ${source}`, source)).supportedVersions
  } catch (error) {
    throw noAnswer(plugin, error)
  }
}

/** The error of a plugin that exited with another status than 0. */
export function pluginFailure(
  command: CniCommand,
  plugin: string,
  output: PluginOutput,
): PodlaceError<RuntimeErrorPayload> {
  const { exitCode } = output
  const reply = readErrorReply(output)
  const text = [reply.msg, reply.details].filter(part => part !== undefined && part !== '').join(': ')
  const message = `plugin ${plugin} refused ${command} with code ${reply.code}: ${text}`
  return runtimeError(command, message, {
    code: 'cni.runtime.plugin-failed',
    plugin,
    command,
    exitCode,
    reply,
  })
}

/** A plugin reports as JSON on standard output; one that dies says what it can on standard error. */
function readErrorReply({ stdout, stderr, exitCode }: PluginOutput): CniErrorReply {
  try {
    const found = v.safeParse(errorReply, parseOutsideJson(stdout, 'read an error', 'the error'))
    if (found.success) return found.output
  } catch (error) {
    if (!hasCode(error, 'cni')) throw error
  }
  const ended = exitCode === -1 ? 'a signal ended it' : `exit status ${exitCode}`
  const said = `${Buffer.from(stdout).toString('utf8')}${stderr}`.trim().slice(0, 2000)
  return { code: 999, msg: `${ended}, and no error of the protocol`, details: said }
}

function noAnswer(plugin: string, error: unknown) {
  const message = `plugin ${plugin} ended well and gave no answer that can be used: ${errorText(error)}`
  return runtimeError(`run ${plugin}`, message, { code: 'cni.runtime.plugin-answer', plugin })
}
