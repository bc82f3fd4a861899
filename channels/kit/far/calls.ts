/** A far side's calls, running and ended, and what each of them will do next. Ended ones are bounded. */
import type { Timers } from "./timers.ts";

export interface CallTableOptions {
  timers: Timers;
  /** 100 makes a call a hundred times as fast. */
  speed: number;
  keepEnded: number;
}

export function openCallTable<Call>({ timers, speed: usualSpeed, keepEnded }: CallTableOptions) {
  const byId = new Map<string, Call>();
  const running = new Map<string, Call>();
  const ended: string[] = [];
  /** The next step of each running call: one at a time, so that two steps of the same moment keep their order. */
  const nextSteps = new Map<string, () => void>();

  return {
    add(id: string, call: Call): void {
      byId.set(id, call);
      running.set(id, call);
    },
    get: (id: string): Call | undefined => byId.get(id),
    /** Oldest first. */
    all: (): Call[] => [...byId.values()],
    running: (): Call[] => [...running.values()],
    /** Takes one step after the other, until the last or the call's end. `afterMs` counts from now, at speed 1. */
    play<Step extends { afterMs: number }>(
      id: string,
      steps: readonly Step[],
      take: (step: Step) => void,
      speed = usualSpeed,
    ): void {
      const playFrom = (index: number, playedMs: number): void => {
        const step = steps[index];
        if (step === undefined) return void nextSteps.delete(id);
        const act = () => {
          take(step);
          if (nextSteps.has(id)) playFrom(index + 1, step.afterMs);
        };
        nextSteps.set(id, timers.later((step.afterMs - playedMs) / speed, act));
      };
      playFrom(0, 0);
    },
    /** It plays no further. Returns the oldest ended call where there is one too many: it is forgotten. */
    end(id: string): Call | undefined {
      nextSteps.get(id)?.();
      nextSteps.delete(id);
      running.delete(id);
      ended.push(id);
      const oldest = ended.length > keepEnded ? ended.shift() : undefined;
      if (oldest === undefined) return undefined;
      const forgotten = byId.get(oldest);
      byId.delete(oldest);
      return forgotten;
    },
  };
}
