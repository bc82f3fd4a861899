/** The suite's view of the hw channel's far side. */
import { randomUUID } from "node:crypto";
import type { CallOrder } from "../../channels/contract.ts";
import { type HwProvider, type HwProviderOptions, startHwProvider } from "../../channels/hw/fake.ts";
import cdrNoAnswer from "../../channels/hw/fixtures/cdr-a-no-answer.json";
import cdrBFailed from "../../channels/hw/fixtures/cdr-b-failed.json";
import cdrCompleted from "../../channels/hw/fixtures/cdr-completed.json";
import cdrForeign from "../../channels/hw/fixtures/cdr-foreign.json";
import cdrRecorded from "../../channels/hw/fixtures/cdr-recorded.json";
import cdrRunning from "../../channels/hw/fixtures/cdr-running.json";
import cdrStrings from "../../channels/hw/fixtures/cdr-strings.json";
import cdrUnknown from "../../channels/hw/fixtures/cdr-unknown-reason.json";
import connect from "../../channels/hw/fixtures/connect.json";
import release from "../../channels/hw/fixtures/release.json";
import releaseUnknown from "../../channels/hw/fixtures/release-unknown-reason.json";
import stateCalling from "../../channels/hw/fixtures/state-calling.json";
import stateEnded from "../../channels/hw/fixtures/state-ended.json";
import stateTalking from "../../channels/hw/fixtures/state-talking.json";
import stateUnknown from "../../channels/hw/fixtures/state-unknown.json";
import stateWaiting from "../../channels/hw/fixtures/state-waiting.json";
import { hw } from "../../channels/hw/index.ts";
import { type Ending, type Fixture, type Harness, phone } from "./harness.ts";

export const appKey = "app-1";
export const appSecret = "s3cret-of-the-hw-app";
const speed = 50;

/** What the provider can tell of the suite's endings. Busy, declined, vacant: all of them "the call failed" here. */
const digits: Partial<Record<Ending, number>> = {
  answered: 0,
  "a-no-answer": 1,
  "b-no-answer": 2,
  refused: 6,
  "lost-answer": 7,
  "server-error": 8,
  jumbled: 9,
};

function fixture(kind: string, name: string, payload: object, ...events: string[]): Fixture {
  const about = kind === "state" ? { about: { callSerialNo: "1037058396471308289" } } : {};
  return { name, delivery: { kind, body: new TextEncoder().encode(JSON.stringify(payload)), ...about }, events };
}

const whole = ["calling a", "ringing a", "answered a", "ringing b", "answered b", "connected"].map(
  (one) => `${one} @4`,
);
const normalEnd = "ended 0 NORMAL_CLEARING @4";

export const fixtures: readonly Fixture[] = [
  fixture("state", "state-waiting", stateWaiting),
  fixture("state", "state-calling", stateCalling, "calling a @2"),
  fixture("state", "state-talking", stateTalking, "calling a @2", "connected @1"),
  fixture("state", "state-ended", stateEnded, "calling a @2", "ended 0 NORMAL_CLEARING @2"),
  fixture("state", "state-unknown", stateUnknown, "unrecognized @1"),
  fixture("cdr", "cdr-completed", cdrCompleted, ...whole, normalEnd, "cdr @4"),
  fixture("cdr", "cdr-recorded", cdrRecorded, ...whole, normalEnd, "recording @4", "cdr @4"),
  fixture("cdr", "cdr-strings", cdrStrings, ...whole, normalEnd, "cdr @4"),
  fixture("cdr", "cdr-foreign", cdrForeign, ...whole, normalEnd, "cdr @4"),
  fixture("cdr", "cdr-a-no-answer", cdrNoAnswer, "calling a @4", "ringing a @4", "ended 1 NO_ANSWER @4", "cdr @4"),
  fixture("cdr", "cdr-b-failed", cdrBFailed, ...whole.slice(0, 3), "ended 2 NETWORK_ERROR @4", "cdr @4"),
  fixture(
    "cdr",
    "cdr-unknown-reason",
    cdrUnknown,
    "calling a @4",
    "ended 255 NETWORK_ERROR @4",
    "unrecognized @1",
    "cdr @4",
  ),
  fixture("cdr", "cdr-running", cdrRunning, "calling a @2", "ringing a @2"),
  fixture("push", "connect", connect, "connected @1"),
  fixture("push", "release", release, "connected @1", "ended 0 NORMAL_CLEARING @1"),
  fixture("push", "release-unknown-reason", releaseUnknown, "ended 255 NETWORK_ERROR @1", "unrecognized @1"),
];

export interface HwHarness extends Harness {
  far: HwProvider;
  config: Record<string, unknown>;
}

export async function startHwHarness(options: HwProviderOptions = {}): Promise<HwHarness> {
  const far = await startHwProvider({ accounts: { [appKey]: appSecret }, speed, ...options });
  const config = {
    apiBaseUrl: far.url,
    tokenBaseUrl: far.url,
    appKey,
    appSecret,
    recorded: true,
    releaseCallback: true,
  };
  let made = 0;
  return {
    far,
    definition: hw,
    config,
    wrongConfig: { ...config, appSecret: "another-secret-altogether" },
    tools: { fetch: (request) => fetch(request), now: () => new Date(), randomId: randomUUID },
    order(ending, wish) {
      const digit = digits[ending];
      if (digit === undefined) return null;
      made += 1;
      return orderTo(`+86139${String(13_900_000 + made).slice(-7)}${digit}`, made, wish);
    },
    isPlacing: (request) => new URL(request.url).pathname.endsWith("/v1/mobileAgent/createCall"),
    secrets: [appSecret, "another-secret-altogether"],
    fixtures,
    unknownMessages: fixtures.filter(({ name }) => name.includes("unknown")).map(({ delivery }) => delivery),
    tells: ["calling a", "connected"],
    lookup: "ended",
    serverErrorEffect: "unknown",
    staleAfterMs: null,
    controlled: () => [],
    ringsOf: (customer) => far.ringsOf(customer.reveal()),
  };
}

export function orderTo(
  customer: string,
  number: number,
  wish: Pick<CallOrder, "notifyUrl" | "record">,
  more: Partial<CallOrder> = {},
): CallOrder {
  return {
    callId: `call_20261121_${String(number).padStart(16, "0")}`,
    attempt: 1,
    agent: { phone: phone(`+86138${String(20_000_000 + number)}`), seat: null },
    customer: phone(customer),
    displayNumber: phone("+862150001234"),
    privacy: true,
    ringTimeoutSeconds: 60,
    maxDurationSeconds: 3_600,
    mainNum: null,
    extNum: null,
    ivrUrl: null,
    ivrText: null,
    ...wish,
    ...more,
  };
}
