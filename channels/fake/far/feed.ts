/** The feed of ended calls, read on by cursor. */
import type { CallMessage } from "../wire.ts";
import { type FarCall, messageOf } from "./call.ts";

export function openFeed(options: { entriesMax: number; page: number; seed: string }) {
  const entries: { call: FarCall; number: number }[] = [];
  let counter = 0;
  return {
    add(call: FarCall): void {
      counter += 1;
      entries.push({ call, number: counter });
      if (entries.length > options.entriesMax) entries.shift();
    },
    /** A cursor of another run of the far side reads from the beginning. */
    read(account: string, cursor: string | null): { cdrs: CallMessage[]; cursor: string } {
      const [seed, number] = cursor?.split(":") ?? [];
      const after = seed === options.seed ? Number(number) : 0;
      const page = entries
        .filter((entry) => entry.number > after && entry.call.account === account)
        .slice(0, options.page);
      const last = page.at(-1)?.number ?? after;
      return { cdrs: page.map((entry) => messageOf(entry.call)), cursor: `${options.seed}:${last}` };
    },
  };
}
