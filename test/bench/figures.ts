/** How a bench tells its figures: one JSON line each, with the peer's figure of the same run. */

export interface Figure {
  bench: string;
  figure: number;
  unit: string;
  peer: string;
  peerFigure: number;
  /** At least this ratio; or with `atMost` at most. */
  goal: number;
  atMost?: boolean;
}

/** Prints a figure and says whether it reaches its goal. */
export function tell({ bench, figure, unit, peer, peerFigure, goal, atMost }: Figure): boolean {
  const ratio = Math.round((figure / peerFigure) * 100) / 100;
  const pass = atMost ? ratio <= goal : ratio >= goal;
  const round = (value: number): number => Math.round(value * 100) / 100;
  const line = { bench, figure: round(figure), unit, peer, peerFigure: round(peerFigure), ratio, goal, pass };
  process.stdout.write(`${JSON.stringify(line)}\n`);
  return pass;
}

export function note(text: string): void {
  process.stderr.write(`${text}\n`);
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}
