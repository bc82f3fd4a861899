/** Lets so many pieces of work run at once; the others wait in line. */
export function createGate(atOnce: number): <T>(work: () => Promise<T>) => Promise<T> {
  const line: (() => void)[] = [];
  let running = 0;
  return async (work) => {
    if (running >= atOnce) await new Promise<void>((turn) => line.push(turn));
    else running += 1;
    try {
      return await work();
    } finally {
      // The place is handed on, not given back: nobody can slip in between.
      const next = line.shift();
      if (next === undefined) running -= 1;
      else next();
    }
  };
}
