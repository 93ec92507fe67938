import { type Command, InvalidArgumentError, Option } from 'commander'

/** Parses a whole number for an option or argument. */
export function wholeNumber(least: number, most: number): (text: string) => number {
  return text => {
    const value = Number(text)
    if (/^\d+$/.test(text) && value >= least && value <= most) return value
    throw new InvalidArgumentError(`Expected a whole number from ${least} to ${most}.`)
  }
}

/** `-o json` as every command that prints a result has it. */
export function withOutput(command: Command): Command {
  const option = new Option('-o, --output <format>', 'how results are printed')
  return command.addOption(option.choices(['text', 'json']).default('text'))
}

/** `host:port`; the host may be an IPv6 address in brackets. */
export function hostAndPort(text: string): { readonly host: string; readonly port: number } {
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text) ?? []
  const host = bracketed ?? plain
  if (host !== undefined && Number(port) <= 65535) return { host, port: Number(port) }
  throw new InvalidArgumentError('Expected HOST:PORT, such as 127.0.0.1:6443 or [::1]:6443.')
}

/** An http or https URL without path. */
export function serverUrl(text: string): string {
  const url = URL.parse(text)
  if (url !== null && /^https?:$/.test(url.protocol)) return text
  throw new InvalidArgumentError('Expected a URL such as http://192.168.77.250:6443.')
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }

/** A duration such as `10s`, `500ms` or `1m2s`, in milliseconds. */
export function durationMs(text: string): number {
  const parts = [...text.matchAll(/(\d+)(ms|s|m|h)/g)]
  if (text !== '' && parts.map(([part]) => part).join('') === text)
    return parts.reduce((sum, [, count, unit = '']) => sum + Number(count) * (UNIT_MS[unit] ?? 0), 0)
  throw new InvalidArgumentError('Expected a duration such as 10s, 500ms or 1m2s.')
}
