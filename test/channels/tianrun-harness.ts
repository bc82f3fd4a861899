/** The suite's view of 天润融通. */
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import {
  startTianrunProvider,
  type TianrunProvider,
  type TianrunProviderOptions,
} from "../../channels/tianrun/fake.ts";
import { tianrun } from "../../channels/tianrun/index.ts";
import { orderTo } from "./fake-harness.ts";
import { type Ending, type Fixture, type Harness, phone } from "./harness.ts";

export const accessKeyId = "AKdemo0123456789";
export const accessKeySecret = "demoAccessKeySecret0123456789";
export const enterpriseId = "7000001";
export const token = "demotoken-of-the-enterprise";
const otherSecret = "another-secret-altogether";
/** A call of 15 s in 0.3 s. */
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
};
const scripted = ["a-declined", "b-vacant", "b-malformed"] as const;

export function fixtureBytes(name: string): Uint8Array {
  return readFileSync(new URL(`../../channels/tianrun/fixtures/${name}.json`, import.meta.url));
}

function fixture(kind: string, name: string, ...events: string[]): Fixture {
  return { name, delivery: { kind, body: fixtureBytes(name) }, events };
}

const called = ["calling a @4", "answered a @4"];
const normal = "ended 0 NORMAL_CLEARING @4";
const guessed = ["calling a @4", "answered a @1"];
const fixtures = [
  fixture("push-3", "push-ringing-a", "ringing a @3"),
  fixture("push-22", "push-ringing-b", "answered a @1", "ringing b @3"),
  fixture("push-6", "push-connected", "answered b @3"),
  fixture("push-6", "push-connected-timeless", "answered b @1"),
  fixture("push-8", "push-end", ...called, "answered b @4", normal, "recording @4", "cdr @4"),
  fixture("push", "push-end", ...called, "answered b @4", normal, "recording @4", "cdr @4"),
  fixture("push-8", "push-end-b-silent", ...called, "ended 2 NO_ANSWER @3", "cdr @4"),
  fixture("push-8", "push-end-b-busy", ...called, "ended 4 USER_BUSY @4", "cdr @4"),
  fixture("push-8", "push-end-a-declined", "calling a @4", "ended 3 CALL_REJECTED @4", "cdr @4"),
  fixture("push-8", "push-end-forced", "calling a @4", normal, "cdr @4"),
  fixture("push-8", "push-end-unknown", ...called, "ended 255 NETWORK_ERROR @4", "unrecognized @4", "cdr @4"),
  fixture("push-8", "push-end-odd-time", ...called, "answered b @1", normal, "unrecognized @4", "cdr @4"),
  fixture("push-12", "push-recording", "recording @1"),
  fixture("push-5", "push-unknown-type", "unrecognized @1"),
  fixture("cdr", "cdr-clink", ...guessed, "ringing b @4", "answered b @4", normal, "recording @4", "cdr @4"),
  fixture("cdr", "cdr-clink-b-declined", ...guessed, "ringing b @4", "ended 4 CALL_REJECTED @4", "cdr @4"),
  fixture("cdr", "cdr-clink-b-vacant", ...guessed, "ended 2 UNALLOCATED_NUMBER @4", "cdr @4"),
  fixture("cdr", "cdr-clink-foreign", ...guessed, "ringing b @4", "answered b @4", normal, "cdr @4"),
  fixture("cdr", "cdr-cticloud", ...called, "ringing b @4", "answered b @4", normal, "recording @4", "cdr @4"),
];

export interface TianrunHarness extends Harness {
  far: TianrunProvider;
  config: Record<string, unknown>;
}

export async function startTianrunHarness(
  flavor: "clink" | "cticloud",
  choice: Record<string, unknown> = {},
  options: TianrunProviderOptions = {},
): Promise<TianrunHarness> {
  const accounts = { keys: { [accessKeyId]: accessKeySecret }, enterprises: { [enterpriseId]: token } };
  const far = await startTianrunProvider({ ...accounts, speed, ...options });
  const key = flavor === "clink" ? { accessKeyId, accessKeySecret } : { token };
  const config = { flavor, baseUrl: far.url, enterpriseId, ...key, ...choice };
  const wrong = flavor === "clink" ? { accessKeySecret: otherSecret } : { token: otherSecret };
  const isPushed = choice.pushed === true;
  let made = 0;
  return {
    far,
    definition: tianrun,
    config,
    // A push is signed by nobody: another account's is told by its enterprise.
    wrongConfig: { ...config, ...wrong, ...(isPushed && { enterpriseId: "7999999" }) },
    tools: { fetch: (request) => fetch(request), now: () => new Date(), randomId: randomUUID },
    order(ending, wish) {
      const script = scripted.find((one) => one === ending);
      if (digits[ending] === undefined && script === undefined) return null;
      made += 1;
      const customer = phone(`+86139${String(13_900_000 + made).slice(-7)}${digits[ending] ?? 0}`);
      far.script(customer.reveal(), {
        ...(script && { ending: script }),
        ...(isPushed && { notifyUrl: wish.notifyUrl }),
      });
      const order = orderTo(customer, made, { ...wish, maxDurationSeconds: 3_600 });
      return { ...order, agent: { ...order.agent, seat: String(100_000 + made) } };
    },
    isPlacing: (request) => /\/(callout|previewOutcall)\/?$/.test(new URL(request.url).pathname),
    secrets: [accessKeySecret, token, otherSecret],
    fixtures,
    unknownMessages: fixtures.filter(({ name }) => name.includes("unknown")).map(({ delivery }) => delivery),
    tells: isPushed ? ["ringing a", "answered a", "ringing b", "answered b"] : [],
    lookup: "ended",
    followKnows: "ended",
    serverErrorEffect: "unknown",
    staleAfterMs: null,
    controlled: (request) => far.calls.find(({ order }) => order.requestUniqueId === request)?.controlled ?? [],
    ringsOf: (customer) => far.ringsOf(customer.reveal()),
  };
}
