/** The suite's view of 容联云通讯. */
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import {
  type RonglianProvider,
  type RonglianProviderOptions,
  startRonglianProvider,
} from "../../channels/ronglian/fake.ts";
import type { Script } from "../../channels/ronglian/far/plan.ts";
import { ronglian } from "../../channels/ronglian/index.ts";
import { orderTo } from "./fake-harness.ts";
import { type Ending, type Fixture, type Harness, phone } from "./harness.ts";

export const accountSid = "8a48b5514f49079e014f4f3a00000001";
export const authToken = "0123456789abcdef0123456789abcdef";
export const appId = "0a0b0c0d0e0f0a0b0c0d0e0f0a0b0c0d";
export const mainAccountSid = "8a48b5514f49079e014f4f3a00000000";
export const mainAuthToken = "fedcba9876543210fedcba9876543210";
const otherToken = "another-token-altogether";
/** A call of 15 s in 0.3 s. */
const speed = 50;

/** What stands for each ending: the platform has no word of its own for busy, declined, vacant or malformed. */
const digits: Partial<Record<Ending, number>> = {
  answered: 0,
  "a-no-answer": 1,
  "b-no-answer": 2,
  refused: 6,
  "lost-answer": 7,
  "server-error": 8,
  jumbled: 9,
  "max-duration": 0,
};

export function fixtureBytes(name: string): Uint8Array {
  return readFileSync(new URL(`../../channels/ronglian/fixtures/${name}`, import.meta.url));
}

function fixture(file: string, kind: string, ...events: string[]): Fixture {
  return { name: file, delivery: { kind, body: fixtureBytes(file) }, events };
}

const aRang = ["calling a @4", "ringing a @4"];
const bRang = ["answered a @4", "calling b @4", "ringing b @4"];
const normalEnd = "ended 0 NORMAL_CLEARING @4";
const fixtures = [
  fixture("cdr-answered.xml", "cdr", ...aRang, "answered a @4", "answered b @4", normalEnd, "recording @4", "cdr @4"),
  fixture("cdr-a-no-answer.xml", "cdr", ...aRang, "ended 1 NO_ANSWER @4", "cdr @4"),
  fixture("cdr-b-no-answer.xml", "cdr", ...aRang, "answered a @4", "ended 2 NO_ANSWER @4", "cdr @4"),
  fixture("both-answered.json", "cdr", ...aRang, ...bRang, "answered b @4", normalEnd, "recording @4", "cdr @4"),
  fixture("both-a-no-answer.json", "cdr", ...aRang, "ended 1 NO_ANSWER @4", "cdr @4"),
  fixture("both-b-no-answer.xml", "cdr", ...aRang, ...bRang, "ended 2 NO_ANSWER @4", "cdr @4"),
  fixture(
    "both-unknown-byetype.json",
    "cdr",
    ...aRang,
    ...bRang,
    "answered b @4",
    "ended 255 NETWORK_ERROR @4",
    "unrecognized @4",
    "cdr @4",
  ),
  fixture("call-auth.xml", "CallAuth", "calling a @1"),
  fixture("call-establish.json", "CallEstablish", "answered b @1"),
  fixture("hangup.xml", "Hangup", "answered b @3", "ended 0 NORMAL_CLEARING @3"),
  fixture("unknown-type.xml", "Hangup", "unrecognized @1"),
  fixture("unknown-action.xml", "event", "unrecognized @1"),
];

export interface RonglianHarness extends Harness {
  far: RonglianProvider;
  config: Record<string, unknown> & { baseUrl: string };
  /** An order whose call the far side plays as scripted. */
  scripted(script: Script, wish?: { record?: boolean; notifyUrl?: string }): ReturnType<typeof orderTo>;
}

export async function startRonglianHarness(
  options: RonglianProviderOptions = {},
  more: Record<string, unknown> = {},
): Promise<RonglianHarness> {
  const far = await startRonglianProvider({ speed, ...options });
  far.addAccount(accountSid, { level: "SubAccounts", token: authToken, appId });
  far.addAccount(mainAccountSid, { level: "Accounts", token: mainAuthToken, appId, balance: "12.50" });
  const config = { baseUrl: far.url, accountSid, authToken, appId, ...more };
  const main = { mainAccountSid, mainAuthToken: otherToken };
  let made = 0;
  const make = (digit: number, script: Script, wish: Parameters<typeof orderTo>[2]) => {
    made += 1;
    const customer = phone(`+86139${String(13_900_000 + made).slice(-7)}${digit}`);
    // Server callbacks go to the address entered on the app; each call here brings its own, so that tests do not mix.
    const called = more.serverCallbacks === true ? { callbackUrl: wish.notifyUrl } : {};
    far.script(customer.reveal(), { ...called, ...script });
    return orderTo(customer, made, wish);
  };
  return {
    far,
    definition: ronglian,
    config,
    // A push is signed by nobody: another account's is told by its app.
    wrongConfig: { ...config, authToken: otherToken, ...(more.mainAuthToken ? main : {}), appId: "f".repeat(32) },
    tools: { fetch: (request) => fetch(request), now: () => new Date(), randomId: randomUUID },
    order(ending, wish) {
      const digit = digits[ending];
      if (digit === undefined) return null;
      return make(digit, {}, { ...wish, maxDurationSeconds: ending === "max-duration" ? 4 : 3_600 });
    },
    scripted(script, wish = {}) {
      const { record = false, notifyUrl = "http://127.0.0.1:9/" } = wish;
      return make(0, script, { record, notifyUrl, maxDurationSeconds: 3_600 });
    },
    isPlacing: (request) => new URL(request.url).pathname.endsWith("/Calls/Callback"),
    secrets: [authToken, mainAuthToken, otherToken],
    fixtures,
    unknownMessages: fixtures.filter(({ name }) => name.includes("unknown")).map(({ delivery }) => delivery),
    tells: more.serverCallbacks === true ? ["calling a", "answered b", "ended 0 NORMAL_CLEARING"] : [],
    lookup: "none",
    serverErrorEffect: "unknown",
    staleAfterMs: null,
    controlled: () => [],
    ringsOf: (customer) => far.ringsOf(customer.reveal()),
  };
}
