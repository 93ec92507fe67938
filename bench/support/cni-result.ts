/** What an ADD answered. */
import assert from 'node:assert/strict'
import { isJson, type Json, jsonList, pick } from './json.ts'

export function interfacesOf(stdout: string): readonly Json[] {
  const result: unknown = JSON.parse(stdout)
  return isJson(result) ? jsonList(result['interfaces']) : []
}

/** Name of the host's end of the pair: with it goes the attachment. */
export function hostInterface(stdout: string): string {
  const names = interfacesOf(stdout).map(one => String(one['name']))
  const name = names.find(one => one.startsWith('veth'))
  assert.ok(name !== undefined, `no host interface in ${stdout}`)
  return name
}

export function isInPod({ sandbox }: Json): boolean {
  return sandbox !== undefined && sandbox !== ''
}

/** Without what is chosen freely: names and MACs of host interfaces. */
export function comparableResult(result: Json): Json {
  const interfaces = jsonList(result['interfaces']).map(one =>
    isInPod(one) ? `${one['name']} in the pod` : 'host',
  )
  return { ...pick(result, ['cniVersion', 'ips', 'routes']), interfaces }
}
