/** The suite's view of 玖云. */
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { type E9Provider, type E9ProviderOptions, type Script, startE9Provider } from "../../channels/e9/fake.ts";
import { e9 } from "../../channels/e9/index.ts";
import { recordingAuth } from "../../channels/e9/sign.ts";
import { orderTo } from "./fake-harness.ts";
import { type Ending, type Fixture, type Harness, phone } from "./harness.ts";

export const accountSid = "0123456789abcdef0123456789abcdef";
export const authToken = "fedcba9876543210fedcba9876543210";
export const appId = "0a0b0c0d0e0f0a0b0c0d0e0f0a0b0c0d";
const otherToken = "another-token-altogether";
/** A call of 15 s in 0.3 s. */
const speed = 50;

/** What stands for each ending. e9 has no word for declining, nor for a vacant or malformed number. */
const digits: Partial<Record<Ending, number>> = {
  answered: 0,
  "a-no-answer": 1,
  "b-no-answer": 2,
  "a-busy": 3,
  "b-busy": 4,
  refused: 6,
  "lost-answer": 7,
  "server-error": 8,
  jumbled: 9,
  "max-duration": 0,
};

export function fixtureBytes(name: string): Uint8Array {
  return readFileSync(new URL(`../../channels/e9/fixtures/${name}`, import.meta.url));
}

function fixture(file: string, kind: string, ...events: string[]): Fixture {
  return { name: file, delivery: { kind, body: fixtureBytes(file) }, events };
}

const fixtures = [
  fixture("invite-a.xml", "CallInvite", "calling a @3"),
  fixture("invite-b.xml", "CallInvite", "answered a @1", "calling b @3"),
  fixture("establish.xml", "CallEstablish", "answered b @3"),
  fixture(
    "hangup-answered.xml",
    "Hangup",
    "answered a @4",
    "answered b @4",
    "ended 0 NORMAL_CLEARING @4",
    "recording @4",
    "cdr @4",
  ),
  fixture("hangup-b-busy.xml", "Hangup", "answered a @4", "ended 4 USER_BUSY @4", "cdr @4"),
  fixture("hangup-a-unreachable.xml", "Hangup", "ended 1 NO_ANSWER @4", "cdr @4"),
  fixture(
    "hangup-unknown-code.xml",
    "Hangup",
    "ended 255 NETWORK_ERROR @3",
    "unrecognized @3",
    "unrecognized @3",
    "cdr @3",
  ),
  fixture("record.json", "record", "answered a @4", "answered b @4", "ended 0 NORMAL_CLEARING @4", "cdr @4"),
  fixture("unknown-action.xml", "CallWhisper", "unrecognized @3"),
  fixture("unknown-flag.xml", "CallInvite", "unrecognized @3"),
  fixture("number-masking.xml", "Hangup", "unrecognized @3"),
];
const unknown = ["unknown-action.xml", "unknown-flag.xml", "number-masking.xml", "hangup-unknown-code.xml"];

export interface E9Harness extends Harness {
  far: E9Provider;
  config: { baseUrl: string; accountSid: string; authToken: string; appId: string };
  /** An order whose call the far side plays as scripted. */
  scripted(script: Script, wish?: { record?: boolean; notifyUrl?: string }): ReturnType<typeof orderTo>;
}

export async function startE9Harness(options: E9ProviderOptions = {}): Promise<E9Harness> {
  const far = await startE9Provider({ speed, recordsPerMinute: Number.POSITIVE_INFINITY, ...options });
  far.addAccount(accountSid, { authToken, apps: { [appId]: null } });
  const config = { baseUrl: far.url, accountSid, authToken, appId };
  let made = 0;
  /** The address is entered on the app at the provider; each call here brings its own, so that tests do not mix. */
  const make = (digit: number, script: Script, wish: Parameters<typeof orderTo>[2]) => {
    made += 1;
    const customer = phone(`+86139${String(13_900_000 + made).slice(-7)}${digit}`);
    far.script(customer.reveal(), { notifyUrl: wish.notifyUrl, ...script });
    return orderTo(customer, made, wish);
  };
  return {
    far,
    definition: e9,
    config,
    // A push is signed by nobody: another account's is told by its app.
    wrongConfig: { ...config, authToken: otherToken, appId: "f".repeat(32) },
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
    isPlacing: (request) => request.method === "POST" && new URL(request.url).pathname.endsWith("/Calls/callBack"),
    secrets: [authToken, otherToken, recordingAuth(config)],
    fixtures,
    unknownMessages: fixtures.filter(({ name }) => unknown.includes(name)).map(({ delivery }) => delivery),
    tells: ["calling a", "answered a", "calling b", "answered b"],
    lookup: "none",
    followKnows: "ended",
    serverErrorEffect: "none",
    staleAfterMs: null,
    controlled: () => [],
    ringsOf: (customer) => far.ringsOf(customer.reveal()),
  };
}
