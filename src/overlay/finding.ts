/** Something about an object that a planner cannot honour; the rest of the network is planned all the same. */
export interface OverlayFinding {
  /** `Node node-3` */
  readonly object: string
  /** What was found, and what to do about it. */
  readonly text: string
}

export function nodeFinding(nodeName: string, text: string): OverlayFinding {
  return { object: `Node ${nodeName}`, text }
}

/** A text from outside as a part of a message: one line, of bounded length. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}...` : text)
}
