import { isJsonObject } from '../store/index.ts'
import type { ApiRequest } from './api-request.ts'
import { RequestError } from './status.ts'

/** Kubernetes' own limit for a request. */
const maxBodyBytes = 3 * 1024 * 1024
/** Objects of people are at most a dozen levels deep; deeper nesting is meant to hurt what walks it recursively. */
const maxDepth = 64

/** Reads a JSON object of limited size and depth; `whenEmpty` stands in for an empty body. Throws 400, 413. */
export async function readJsonBody(
  request: ApiRequest,
  whenEmpty?: Readonly<Record<string, unknown>>,
): Promise<{ readonly [key: string]: unknown }> {
  const text = await readText(request)
  if (text === '' && whenEmpty !== undefined) return whenEmpty
  if (depthOf(text) > maxDepth)
    throw new RequestError(400, `the body is nested deeper than ${maxDepth} levels`)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new RequestError(
      400,
      `the body is not JSON: ${error instanceof Error ? error.message : 'unreadable'}`,
    )
  }
  if (!isJsonObject(value)) throw new RequestError(400, 'the body is not a JSON object')
  return value
}

/** The media type without parameters, in lower case: `application/json`. */
export function mediaType(request: ApiRequest): string {
  return (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? ''
}

async function readText({ headers, body }: ApiRequest): Promise<string> {
  const tooLarge = () => new RequestError(413, `the body is larger than ${maxBodyBytes} bytes`)
  if (Number(headers['content-length'] ?? 0) > maxBodyBytes) throw tooLarge()
  if (typeof body === 'string') return body
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of body) {
    bytes += chunk.byteLength
    if (bytes > maxBodyBytes) throw tooLarge()
    chunks.push(chunk)
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks))
  } catch {
    throw new RequestError(400, 'the body is not UTF-8')
  }
}

/** How deep brackets nest outside of strings: known before anything is built from the text. */
function depthOf(text: string): number {
  let depth = 0
  let deepest = 0
  let inString = false
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at]
    if (inString) {
      if (character === '\\') at += 1
      else if (character === '"') inString = false
    } else if (character === '"') inString = true
    else if (character === '{' || character === '[') deepest = Math.max(deepest, (depth += 1))
    else if (character === '}' || character === ']') depth -= 1
  }
  return deepest
}
