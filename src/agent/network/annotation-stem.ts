import { ANNOTATION_PREFIX } from '../../overlay/index.ts'

/** What all annotation names begin with inside: the planners know no other. */
const OURS = `${ANNOTATION_PREFIX}/`

/** A DNS name, a slash, and perhaps the beginning of a name that ends in a hyphen. */
const STEM = /^(?:[a-z0-9_-]+\.)+[a-z0-9_-]+\/(?:[a-z0-9_-]+-)?$/

/**
 * What annotation names begin with for a prefix as flannel's `--kube-annotation-prefix` takes it: `example.com` is
 * `example.com/`, `example.com/flannel` is `example.com/flannel-`. Undefined for one that Kubernetes would refuse.
 */
export function annotationStem(prefix: string): string | undefined {
  const withSlash = prefix.includes('/') ? prefix : `${prefix}/`
  const stem = /[/-]$/.test(withSlash) ? withSlash : `${withSlash}-`
  return STEM.test(stem) ? stem : undefined
}

/** The name inside of an annotation that others see under `stem`; undefined if it is none of these. */
export function nameInside(stem: string, outside: string): string | undefined {
  return outside.startsWith(stem) ? `${OURS}${outside.slice(stem.length)}` : undefined
}

/** The name that others see. */
export function nameOutside(stem: string, inside: string): string {
  return `${stem}${inside.slice(OURS.length)}`
}
