import { type JsonObject, type NetworkList, parseResult } from '../../../cni/index.ts'
import { renderTable } from '../../ui/table.ts'

/** A result of ADD as people read it; one that a plugin wrote in its own way, as it is. */
export function resultLines(result: JsonObject, list: NetworkList): readonly string[] {
  try {
    const { interfaces, ips, routes } = parseResult(result, list.cniVersion)
    return renderTable([
      ...interfaces.map(({ name, mac = '', sandbox = '' }) => [
        '  interface',
        name,
        sandbox === '' ? 'on the host' : 'inside',
        mac,
      ]),
      ...ips.map(({ address, gateway }) => [
        '  address',
        address,
        gateway === undefined ? '' : `gateway ${gateway}`,
      ]),
      ...routes.map(({ dst, gw }) => ['  route', dst, gw === undefined ? '' : `via ${gw}`]),
    ])
  } catch {
    return JSON.stringify(result, undefined, 2).split('\n')
  }
}
