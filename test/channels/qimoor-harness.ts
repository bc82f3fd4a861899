/** The suite's view of 容联七陌. */
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { type QimoorProvider, type QimoorProviderOptions, startQimoorProvider } from "../../channels/qimoor/fake.ts";
import type { Script } from "../../channels/qimoor/far/plan.ts";
import { qimoor } from "../../channels/qimoor/index.ts";
import { orderTo } from "./fake-harness.ts";
import { type Ending, type Fixture, type Harness, phone } from "./harness.ts";

export const accountId = "N00000000556";
export const apiSecret = "s3cret-of-the-7moor-account";
const otherSecret = "another-secret-altogether";
/** A call of 15 s in 0.3 s. */
const speed = 50;

/** What stands for each ending: the provider has no word for busy, declined, vacant, nor a maximum duration. */
const digits: Partial<Record<Ending, number>> = {
  answered: 0,
  "a-no-answer": 1,
  "b-no-answer": 2,
  refused: 6,
  "lost-answer": 7,
  "server-error": 8,
  jumbled: 9,
};

export function fixtureBytes(name: string): Uint8Array {
  return readFileSync(new URL(`../../channels/qimoor/fixtures/${name}`, import.meta.url));
}

function fixture(file: string, kind: string, ...events: string[]): Fixture {
  const about = kind === "record" ? { about: { actionId: "call_20240501_k3v9q2a8d7f6s5m4.1" } } : {};
  return { name: file, delivery: { kind, body: fixtureBytes(file), ...about }, events };
}

const answeredA = "answered a @1";
const normalEnd = "ended 0 NORMAL_CLEARING @4";
const shared = [
  fixture("unknown-call-state.txt", "Whisper", "unrecognized @1"),
  fixture("unknown-inbound.txt", "Hangup", "unrecognized @1"),
  fixture("link.txt", "Link", "answered b @3"),
  fixture("webcall-answered.txt", "webcall", answeredA),
  fixture("webcall-refused.txt", "webcall", "ended 1 NO_ANSWER @1"),
  fixture("webcall-unknown.txt", "webcall", "unrecognized @1"),
];
const ofWebcalls = [
  ...shared,
  fixture("webcall-ringing.txt", "Ringing", "unrecognized @1"),
  fixture("webcall-hangup.txt", "Hangup", answeredA, "answered b @4", normalEnd, "cdr @4"),
];
const ofDialouts = [
  ...shared,
  fixture("ring.txt", "Ring", "calling a @3"),
  fixture("ringing.txt", "Ringing", answeredA, "ringing b @3"),
  fixture(
    "hangup-answered.txt",
    "Hangup",
    "calling a @4",
    answeredA,
    "ringing b @4",
    "answered b @4",
    normalEnd,
    "recording @4",
    "cdr @4",
  ),
  fixture(
    "unlink-b-no-answer.txt",
    "Unlink",
    "calling a @4",
    answeredA,
    "ringing b @4",
    "ended 2 NO_ANSWER @4",
    "cdr @4",
  ),
  fixture("hangup-a-no-answer.txt", "Hangup", "calling a @4", "ended 1 NO_ANSWER @4", "cdr @4"),
  fixture(
    "hangup-unknown-state.json",
    "Hangup",
    "calling a @4",
    "ended 255 NETWORK_ERROR @4",
    "unrecognized @4",
    "cdr @4",
  ),
  fixture("record-answered.json", "record", "calling a @4", answeredA, "answered b @4", normalEnd, "cdr @4"),
  fixture("record-unanswered.json", "record", "calling a @4", "ended 2 NO_ANSWER @3", "cdr @4"),
];

export interface QimoorHarness extends Harness {
  far: QimoorProvider;
  config: Record<string, unknown> & { baseUrl: string };
  /** An order whose call the far side plays as scripted. */
  scripted(script: Script, wish?: { record?: boolean; notifyUrl?: string }): ReturnType<typeof orderTo>;
}

export async function startQimoorHarness(
  options: QimoorProviderOptions = {},
  more: Record<string, unknown> = {},
): Promise<QimoorHarness> {
  const far = await startQimoorProvider({ speed, ...options });
  far.addAccount(accountId, { secret: apiSecret, notifyUrl: null });
  const config = { baseUrl: far.url, accountId, apiSecret, recorded: true, hidesNumbers: true, ...more };
  const isWebcall = more.mode === "webcall";
  const fixtures = isWebcall ? ofWebcalls : ofDialouts;
  let made = 0;
  /** Events go to the address that the account has entered; each call here brings its own, so that tests do not mix. */
  const make = (digit: number, script: Script, wish: Parameters<typeof orderTo>[2]) => {
    made += 1;
    const customer = phone(`+86139${String(13_900_000 + made).slice(-7)}${digit}`);
    far.script(customer.reveal(), { notifyUrl: wish.notifyUrl, ...script });
    const order = orderTo(customer, made, wish);
    return { ...order, agent: { ...order.agent, seat: String(8_000 + made) } };
  };
  return {
    far,
    definition: qimoor,
    config,
    // A push is signed by nobody: another account's is told by its name.
    wrongConfig: { ...config, apiSecret: otherSecret, accountId: "N00000000999" },
    tools: { fetch: (request) => fetch(request), now: () => new Date(), randomId: randomUUID },
    order(ending, wish) {
      // A web call whose first phone fails has no record: its result says so, in qimoor-news.test.ts.
      const digit = isWebcall && ending === "a-no-answer" ? undefined : digits[ending];
      return digit === undefined ? null : make(digit, {}, { ...wish, maxDurationSeconds: 3_600 });
    },
    scripted(script, wish = {}) {
      const { record = false, notifyUrl = "http://127.0.0.1:9/" } = wish;
      return make(0, script, { record, notifyUrl, maxDurationSeconds: 3_600 });
    },
    isPlacing: (request) => /\/(dialout|webCall\/webCall)\//.test(new URL(request.url).pathname),
    secrets: [apiSecret, otherSecret],
    fixtures,
    unknownMessages: fixtures.filter(({ name }) => name.includes("unknown")).map(({ delivery }) => delivery),
    tells: isWebcall ? ["answered a", "answered b"] : ["calling a", "answered a", "ringing b", "answered b"],
    lookup: "ended",
    followKnows: "ended",
    serverErrorEffect: "unknown",
    staleAfterMs: null,
    controlled: () => [],
    ringsOf: (customer) => far.ringsOf(customer.reveal()),
  };
}
