/** The far side of the `fake` channel: a provider on a socket that plays scripted calls and rings no phone. */
import { randomUUID } from "node:crypto";
import { type FarSide, type FarSideOptions, openFarSide } from "../kit/far/side.ts";
import type { FarCall } from "./far/call.ts";
import { openCalls } from "./far/calls.ts";
import { openDoor } from "./far/door.ts";
import { openOperations, said } from "./far/operations.ts";
import type { Script } from "./far/plan.ts";
import { openPusher } from "./far/push.ts";

export type { FarCall } from "./far/call.ts";
export type { Ending, Script } from "./far/plan.ts";

/** How fast a call goes, its order says. */
export interface FakeProviderOptions extends Omit<FarSideOptions, "speed"> {
  /** Account id → secret. */
  accounts?: Record<string, string>;
  /** Part of every call id; a provider that starts again needs another one, or its ids repeat. */
  seed?: string;
  feedPage?: number;
  /** Milliseconds before a push is tried again; doubled each time, four times. */
  pushRetryMs?: number;
}

export interface FakeProvider extends FarSide<FarCall, Script> {
  addAccount(id: string, secret: string): void;
}

export async function startFakeProvider(options: FakeProviderOptions = {}): Promise<FakeProvider> {
  const { keepEnded = 10_000, feedPage = 100, seed = randomUUID().slice(0, 8) } = options;
  const far = await openFarSide<FarCall, Script>({ ...options, keepEnded });
  const accounts = new Map(Object.entries(options.accounts ?? {}));
  const secretOf = (account: string) => accounts.get(account) ?? "";
  const tell = openPusher(far, { secretOf, retryMs: options.pushRetryMs ?? 500 });
  const operations = openOperations(far, openCalls(far, { seed, feedPage, feedMax: 2 * keepEnded, tell }));
  const admit = openDoor(accounts, far.now);

  far.serve((asked) => {
    const account = admit(asked);
    if (account === null) {
      far.count("unauthorized");
      return said({ code: "E_AUTH" });
    }
    const name = `${asked.method} ${asked.url.pathname.replace(/^(\/v1\/recordings)\/.*$/, "$1")}`;
    const operation = operations.get(name);
    if (!operation) return said({ code: "E_NOT_FOUND" });
    far.count(name);
    return operation({ account, url: asked.url, body: asked.body });
  });

  return Object.assign(far.side, {
    addAccount: (id: string, secret: string) => void accounts.set(id, secret),
  });
}
