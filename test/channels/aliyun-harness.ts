/** The suite's view of the aliyun channel's far side. */
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import {
  type AliyunProvider,
  type AliyunProviderOptions,
  type Script,
  startAliyunProvider,
} from "../../channels/aliyun/fake.ts";
import { aliyun } from "../../channels/aliyun/index.ts";
import type { CallOrder } from "../../channels/contract.ts";
import { orderTo } from "./fake-harness.ts";
import { type Ending, type Fixture, type Harness, phone } from "./harness.ts";

export const accessKeyId = "LTAI5tDemoKeyOfNobody";
export const accessKeySecret = "s3cret-of-the-ram-user";
export const instanceId = "ccc-demo";
const speed = 50;

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
  "a-declined": 0,
};

export function fixtureBytes(name: string): Uint8Array {
  return readFileSync(new URL(`../../channels/aliyun/fixtures/${name}.json`, import.meta.url));
}

function fixture(kind: string, name: string, ...events: string[]): Fixture {
  return { name, delivery: { kind, body: fixtureBytes(name) }, events };
}

const talked = ["calling a @4", "answered a @4", "answered b @1", "ended 0 NORMAL_CLEARING @4"];

const fixtures: readonly Fixture[] = [
  fixture("Dialing", "dialing", "calling a @3"),
  fixture("Ringing", "ringing-a", "ringing a @3"),
  fixture("Ringing", "ringing-b", "answered a @1", "ringing b @3"),
  fixture("Ringing", "ringing-somebody", "ringing a @1"),
  fixture("Established", "established", "answered a @1", "answered b @3", "connected @3"),
  fixture("Released", "released-b", "ended 0 NORMAL_CLEARING @2"),
  fixture("Released", "released-b-busy", "ended 4 USER_BUSY @3"),
  fixture("Released", "released-a-declined", "ended 3 CALL_REJECTED @3"),
  fixture("Released", "released-somebody", "ended 2 NO_ANSWER @1"),
  fixture("Released", "released-unknown-reason", "ended 255 NETWORK_ERROR @3", "unrecognized @3"),
  fixture("RecordingReady", "recording-ready", "recording @3"),
  fixture("DualTrackRecordingReady", "dual-track-recording-ready"),
  fixture("CDRReady", "cdr-ready", ...talked, "cdr @4"),
  fixture("CDRReady", "cdr-ready-no-answer", "calling a @4", "ended 1 NO_ANSWER @2", "cdr @4"),
  fixture("Levitated", "unknown-event", "unrecognized @3"),
  fixture("Ringing", "inbound", "unrecognized @3"),
  fixture("Dialing", "status-dialing", "calling a @3"),
  fixture("Answered", "status-answered", "answered a @1", "answered b @3", "connected @3"),
  fixture("Released", "status-released", "answered b @1", "ended 0 NORMAL_CLEARING @3"),
  fixture("Released", "status-released-busy", "ended 4 USER_BUSY @1"),
  fixture("event", "status-recording", "recording @3"),
  fixture("cdr", "detail-completed", ...talked, "recording @4", "cdr @4"),
  fixture("cdr", "detail-running", "calling a @4"),
  fixture("cdr", "listed-completed", ...talked, "recording @4", "cdr @4"),
  fixture("cdr", "listed-b-busy", "calling a @4", "answered a @4", "ended 4 USER_BUSY @3", "cdr @4"),
  fixture("cdr", "listed-a-no-answer", "calling a @4", "ended 1 NO_ANSWER @3", "cdr @4"),
  fixture(
    "cdr",
    "listed-unknown-disposition",
    "calling a @4",
    "answered a @4",
    "ended 255 NETWORK_ERROR @3",
    "unrecognized @3",
    "cdr @4",
  ),
  fixture("cdr", "listed-outbound", "unrecognized @4"),
  fixture("notices", "notices", "calling a @3", "ringing a @3", "ended 1 NO_ANSWER @3"),
];
const unknown = [
  "unknown-event",
  "released-unknown-reason",
  "inbound",
  "listed-outbound",
  "listed-unknown-disposition",
];

export interface AliyunHarness extends Harness {
  far: AliyunProvider;
  config: Record<string, unknown>;
  /** An order whose call the far side plays as scripted. */
  scripted(script: Script, more?: Partial<CallOrder>): CallOrder;
}

export async function startAliyunHarness(
  news: "pushed" | "asked",
  options: AliyunProviderOptions = {},
): Promise<AliyunHarness> {
  const accounts = { [accessKeyId]: { secret: accessKeySecret, instances: [instanceId] } };
  // A record is written some time after its call: whoever asks for the events has read them by then.
  const late = news === "asked" ? { cdrLateMs: 150 } : {};
  const far = await startAliyunProvider({ accounts, speed, ...late, ...options });
  const config = {
    baseUrl: far.url,
    accessKeyId,
    accessKeySecret,
    instanceId,
    recorded: true,
    news,
    feedPerMinute: 600,
  };
  let made = 0;
  /** The address is subscribed for the instance; each call here brings its own, so that tests do not mix. */
  const make = (digit: number, script: Script, wish: { notifyUrl: string; record: boolean }) => {
    made += 1;
    const customer = phone(`+86139${String(13_900_000 + made).slice(-7)}${digit}`);
    // Which calls are recorded is set up at the instance; here it happens to be as wished.
    far.script(customer.reveal(), { recorded: wish.record, notifyUrl: wish.notifyUrl, ...script });
    return orderTo(customer, made, { ...wish, maxDurationSeconds: 3_600 });
  };
  return {
    far,
    definition: aliyun,
    config,
    // Of a push only the instance can be told.
    wrongConfig: { ...config, accessKeySecret: "another-secret-altogether", instanceId: "another-instance" },
    tools: { fetch: (request) => fetch(request), now: () => new Date(), randomId: randomUUID },
    order(ending, wish) {
      const digit = digits[ending];
      if (digit === undefined) return null;
      return make(digit, ending === "a-declined" ? { ending } : {}, wish);
    },
    scripted(script, more = {}) {
      return { ...make(0, script, { notifyUrl: "http://127.0.0.1:9/", record: false }), ...more };
    },
    isPlacing: (request) => request.headers.get("x-acs-action") === "StartBack2BackCall",
    secrets: [accessKeySecret, "another-secret-altogether"],
    fixtures,
    unknownMessages: fixtures.filter(({ name }) => unknown.includes(name)).map(({ delivery }) => delivery),
    tells: ["calling a", "ringing a", "answered a", "ringing b", "answered b", "connected"],
    lookup: "ended",
    ...(news === "pushed" && { followKnows: "ended" as const }),
    serverErrorEffect: "unknown",
    staleAfterMs: null,
    controlled: () => [],
    ringsOf: (customer) => far.ringsOf(customer.reveal()),
  };
}
