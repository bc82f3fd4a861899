/** Lets faults happen to requests, asks the door, and has the right operation answer. */
import { type Answer, page } from "../../kit/far/answer.ts";
import { readJson } from "../../kit/far/body.ts";
import { silentWav } from "../../kit/far/recording.ts";
import type { Far } from "../../kit/far/side.ts";
import type { Handler } from "../../kit/far/socket.ts";
import type { FarCall } from "./call.ts";
import type { Signed } from "./door.ts";
import { said } from "./operations.ts";
import type { Script } from "./plan.ts";

/** What becomes of one request to an action. */
export type Fault = "garbage" | "lost" | "unavailable" | { code: string } | { slowMs: number };

export interface Serving {
  refuse: (signed: Signed) => string | null;
  run: (action: string, body: unknown) => Promise<Answer>;
  /** The next one's fault, by action. */
  nextFault: (action: string) => Fault | undefined;
  /** False where it is one too many for this second. */
  isWithinLimit: (action: string) => boolean;
}

const version = "2020-02-10";

export function serving({ count, timers, now }: Far<FarCall, Script>, serving: Serving): Handler {
  const { refuse, run, nextFault, isWithinLimit } = serving;
  return async ({ method, url, headers: given, body }) => {
    const { pathname, searchParams } = url;
    if (method === "GET" && pathname.startsWith("/recording/")) {
      const isOpen = Number(searchParams.get("t")) > now();
      return isOpen ? { status: 200, type: "audio/wav", body: silentWav() } : { status: 403, body: "" };
    }
    if (method !== "POST" || pathname !== "/") return { status: 404, body: "" };
    const headers = Object.fromEntries(Object.entries(given).map(([name, value]) => [name, String(value)]));
    const action = headers["x-tc-action"] ?? "";
    count(action);
    const fault = nextFault(action);
    if (typeof fault === "object" && "code" in fault) return said(fault);
    if (typeof fault === "object") await timers.pause(fault.slowMs);
    else if (fault !== undefined) return faulty[fault];
    if (headers["x-tc-version"] !== version) return said({ code: "NoSuchVersion" });
    const refused = refuse({ headers, body });
    if (refused !== null) {
      count("unauthorized");
      return said({ code: refused });
    }
    return isWithinLimit(action) ? run(action, readJson(body)) : said({ code: "RequestLimitExceeded" });
  };
}

const faulty: Record<Extract<Fault, string>, Answer> = {
  garbage: page(200, "busy"),
  lost: "lost",
  unavailable: { status: 502, body: "" },
};
