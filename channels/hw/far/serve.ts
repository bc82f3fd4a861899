/** Lets faults happen to requests, asks the door, and has the right operation answer. */
import type { IncomingHttpHeaders } from "node:http";
import { z } from "zod";
import { type Answer, json, page, type Written } from "../../kit/far/answer.ts";
import { readJson } from "../../kit/far/body.ts";
import { tonalWav } from "../../kit/far/recording.ts";
import type { Far } from "../../kit/far/side.ts";
import type { Handler } from "../../kit/far/socket.ts";
import type { FarCall } from "./call.ts";
import type { openDoor } from "./door.ts";
import type { Operation } from "./operations.ts";
import type { Script } from "./plan.ts";

/** What becomes of one request to an operation. `expired`: every token is withdrawn before it is looked at. */
export type Fault = "garbage" | "limited" | "lost" | "unavailable" | "expired" | { slowMs: number };

export interface Serving {
  door: ReturnType<typeof openDoor>;
  operations: Map<string, Operation>;
  nextFault: (operation: string) => Fault | undefined;
}

const appForm = z.strictObject({ app_key: z.string(), app_secret: z.string() });
const apiPath = "/apiaccess/CC-Management/v1/mobileAgent/";
const tokenPath = "/apigovernance/api/oauth/tokenByAkSk";

export function serving({ count, timers, now }: Far<FarCall, Script>, serving: Serving): Handler {
  const { door, operations, nextFault } = serving;
  return async ({ method, url, headers, body }) => {
    const { pathname, searchParams } = url;
    if (method === "GET" && pathname.startsWith("/recording/")) {
      const isOpen = Number(searchParams.get("Expires")) > now();
      return isOpen ? { status: 200, type: "audio/wav", body: tonalWav() } : empty(403);
    }
    const name = pathname.slice(pathname.lastIndexOf("/") + 1);
    count(name);
    const fault = nextFault(name);
    if (fault === "expired") door.expireTokens();
    else if (typeof fault === "object") await timers.pause(fault.slowMs);
    else if (fault !== undefined) return faulty[fault];
    const asked = readJson(body);
    if (pathname === tokenPath) {
      const app = appForm.safeParse(asked).data;
      const token = app ? door.token(app.app_key, app.app_secret, header(headers, "x-token-expire")) : null;
      return token ? json(token) : empty(401);
    }
    const operation = pathname === apiPath + name ? operations.get(name) : undefined;
    if (!operation || method !== "POST") return empty(404);
    const account = door.admit(header(headers, "authorization"), header(headers, "x-app-key"));
    if (account === null) {
      count("unauthorized");
      return empty(401);
    }
    return door.withinQuota(account) ? operation(account, asked) : empty(429);
  };
}

const faulty: Record<Exclude<Fault, "expired" | object>, Answer> = {
  garbage: page(200, "busy"),
  limited: empty(429),
  lost: "lost",
  unavailable: empty(503),
};

function empty(status: number): Written {
  return { status, body: "" };
}

function header(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}
