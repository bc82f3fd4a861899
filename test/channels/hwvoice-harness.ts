/** The suite's view of 华为 VoiceCall. */
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import {
  type HwvoiceProvider,
  type HwvoiceProviderOptions,
  startHwvoiceProvider,
} from "../../channels/hwvoice/fake.ts";
import { hwvoice } from "../../channels/hwvoice/index.ts";
import { pushAgeMaxMs } from "../../channels/hwvoice/sign.ts";
import { orderTo } from "./fake-harness.ts";
import { type Ending, type Fixture, type Harness, phone } from "./harness.ts";

export const appKey = "app-1";
export const appSecret = "s3cret-of-the-voice-app";
const otherSecret = "another-secret-altogether";
/** A call of 15 s in 0.3 s. */
const speed = 50;

/** That a call reached its limit is told by whole minutes, which a hastened call does not last. */
const digits: Partial<Record<Ending, number>> = {
  answered: 0,
  "a-no-answer": 1,
  "b-no-answer": 2,
  "a-busy": 3,
  "b-busy": 4,
  "b-declined": 5,
  refused: 6,
  "lost-answer": 7,
  "server-error": 8,
  jumbled: 9,
};
const scripted = ["a-declined", "b-vacant", "b-malformed"] as const;

export function fixtureBytes(name: string): Uint8Array {
  return readFileSync(new URL(`../../channels/hwvoice/fixtures/${name}.json`, import.meta.url));
}

function fixture(name: string, ...events: string[]): Fixture {
  return { name, delivery: { kind: name.startsWith("fee") ? "fee" : "status", body: fixtureBytes(name) }, events };
}

const legA = ["calling a @4", "ringing a @4", "answered a @4"];
const legB = ["calling b @4", "ringing b @4"];
const fixtures = [
  fixture("callout-a", "calling a @3"),
  fixture("alerting-b", "ringing b @3"),
  fixture("answer-b", "answered b @3"),
  fixture("odd-time", "ringing a @1"),
  fixture("disconnect-busy", "ended 4 USER_BUSY @3"),
  fixture("disconnect-limit", "ended 5 NORMAL_CLEARING @3"),
  fixture("disconnect-unknown", "ended 255 NETWORK_ERROR @3", "unrecognized @3"),
  fixture("unknown-event", "unrecognized @3"),
  fixture("foreign-answer", "unrecognized @3"),
  fixture("fee-answered", ...legA, ...legB, "answered b @4", "ended 0 NORMAL_CLEARING @4", "cdr @4"),
  fixture("fee-recorded", ...legA, ...legB, "answered b @4", "ended 0 NORMAL_CLEARING @4", "recording @4", "cdr @4"),
  fixture(
    "fee-odd-time",
    ...["calling a @4", "answered a @4"],
    ...legB,
    ...["answered b @4", "ended 0 NORMAL_CLEARING @4", "unrecognized @4", "cdr @4"],
  ),
  fixture("fee-limit", ...legA, ...legB, "answered b @4", "ended 5 NORMAL_CLEARING @4", "cdr @4"),
  fixture("fee-b-declined", ...legA, ...legB, "ended 4 CALL_REJECTED @4", "cdr @4"),
  fixture("fee-b-sip-busy", ...legA, ...legB, "ended 4 USER_BUSY @4", "cdr @4"),
  fixture("fee-unexplained", ...legA, ...legB, "ended 2 NETWORK_ERROR @2", "unrecognized @2", "cdr @4"),
  fixture("fee-a-no-answer", "calling a @4", "ringing a @4", "ended 1 NO_ANSWER @4", "cdr @4"),
  fixture("fee-stopped", "calling a @4", "ringing a @4", "ended 0 NORMAL_CLEARING @4", "cdr @4"),
  fixture("fee-no-port", "ended 6 NETWORK_ERROR @4", "cdr @4"),
  fixture("fee-other-service", "unrecognized @1"),
];
const unknown = ["disconnect-unknown", "unknown-event", "foreign-answer", "fee-unexplained", "fee-other-service"];

export interface HwvoiceHarness extends Harness {
  far: HwvoiceProvider;
  config: Record<string, unknown>;
}

export async function startHwvoiceHarness(
  options: HwvoiceProviderOptions = {},
  choice: Record<string, unknown> = {},
): Promise<HwvoiceHarness> {
  const far = await startHwvoiceProvider({ apps: { [appKey]: appSecret }, speed, ...options });
  const config = { baseUrl: far.url, appKey, appSecret, ...choice };
  let made = 0;
  return {
    far,
    definition: hwvoice,
    config,
    wrongConfig: { ...config, appSecret: otherSecret },
    tools: { fetch: (request) => fetch(request), now: () => new Date(), randomId: randomUUID },
    order(ending, wish) {
      const script = scripted.find((one) => one === ending);
      if (digits[ending] === undefined && script === undefined) return null;
      made += 1;
      const customer = phone(`+86139${String(13_900_000 + made).slice(-7)}${digits[ending] ?? 0}`);
      if (script !== undefined) far.script(customer.reveal(), { ending: script });
      return orderTo(customer, made, { ...wish, maxDurationSeconds: 3_600 });
    },
    isPlacing: (request) => new URL(request.url).pathname.includes("/click2Call/"),
    secrets: [appSecret, otherSecret],
    fixtures,
    unknownMessages: fixtures.filter(({ name }) => unknown.includes(name)).map(({ delivery }) => delivery),
    tells: ["a", "b"].flatMap((leg) => ["calling", "ringing", "answered"].map((kind) => `${kind} ${leg}`)),
    lookup: "none",
    serverErrorEffect: "unknown",
    staleAfterMs: pushAgeMaxMs,
    controlled: () => [],
    ringsOf: (customer) => far.ringsOf(customer.reveal()),
  };
}
