/** The suite's view of the simulated provider. */
import { randomUUID } from "node:crypto";
import type { CallOrder } from "../../channels/contract.ts";
import { type FakeProvider, type Script, startFakeProvider } from "../../channels/fake/fake.ts";
import answeredA from "../../channels/fake/fixtures/answered-a.json";
import answeredB from "../../channels/fake/fixtures/answered-b.json";
import callingA from "../../channels/fake/fixtures/calling-a.json";
import callingB from "../../channels/fake/fixtures/calling-b.json";
import cdrBusy from "../../channels/fake/fixtures/cdr-b-busy.json";
import cdrCompleted from "../../channels/fake/fixtures/cdr-completed.json";
import cdrUnknownCode from "../../channels/fake/fixtures/cdr-unknown-code.json";
import hangup from "../../channels/fake/fixtures/hangup.json";
import ringingA from "../../channels/fake/fixtures/ringing-a.json";
import ringingB from "../../channels/fake/fixtures/ringing-b.json";
import stateRingingB from "../../channels/fake/fixtures/state-ringing-b.json";
import unknownEvent from "../../channels/fake/fixtures/unknown-event.json";
import unknownMessage from "../../channels/fake/fixtures/unknown-message.json";
import { fake } from "../../channels/fake/index.ts";
import { type Ending, type Fixture, type Harness, phone } from "./harness.ts";

export const account = "acct-1";
export const secret = "s3cret-of-the-fake-account";
/** A call of 15 s in 0.3 s. */
const speed = 50;

/** What stands for each ending: a last digit, or a script where no digit does. */
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
const scripts: Partial<Record<Ending, Script>> = {
  "a-declined": { ending: "a-declined" },
  "b-vacant": { ending: "b-vacant" },
  "b-malformed": { ending: "b-malformed" },
};

const states = ["calling a", "ringing a", "answered a", "calling b", "ringing b", "answered b"];

function fixture(name: string, payload: { type: string }, ...events: string[]): Fixture {
  return { name, delivery: { kind: payload.type, body: new TextEncoder().encode(JSON.stringify(payload)) }, events };
}

const fixtures = [
  fixture("calling-a", callingA, "calling a @3"),
  fixture("ringing-a", ringingA, "ringing a @3"),
  fixture("answered-a", answeredA, "answered a @3"),
  fixture("calling-b", callingB, "calling b @3"),
  fixture("ringing-b", ringingB, "ringing b @3"),
  fixture("answered-b", answeredB, "answered b @3"),
  fixture("hangup", hangup, "ended 0 NORMAL_CLEARING @3"),
  fixture("state-ringing-b", stateRingingB, ...states.slice(0, 5).map((state) => `${state} @2`)),
  fixture(
    "cdr-completed",
    cdrCompleted,
    ...states.map((state) => `${state} @4`),
    "ended 0 NORMAL_CLEARING @4",
    "recording @4",
    "cdr @4",
  ),
  fixture("cdr-b-busy", cdrBusy, ...states.slice(0, 4).map((state) => `${state} @4`), "ended 4 USER_BUSY @4", "cdr @4"),
  fixture(
    "cdr-unknown-code",
    cdrUnknownCode,
    "calling a @4",
    "ringing a @4",
    "ended 255 NETWORK_ERROR @4",
    "unrecognized @4",
    "cdr @4",
  ),
  fixture("unknown-event", unknownEvent, "unrecognized @3"),
  fixture("unknown-message", unknownMessage, "unrecognized @1"),
];

export interface FakeHarness extends Harness {
  far: FakeProvider;
}

export async function startFakeHarness(choice: {
  flavour: "push" | "poll";
  lookup: "running" | "ended" | "none";
}): Promise<FakeHarness> {
  const far = await startFakeProvider({ accounts: { [account]: secret }, feedPage: 3, pushRetryMs: 20 });
  const config = { baseUrl: far.url, accountId: account, secret, speed, ...choice };
  let made = 0;
  return {
    far,
    definition: fake,
    config,
    wrongConfig: { ...config, secret: "another-secret-altogether" },
    tools: { fetch: (request) => fetch(request), now: () => new Date(), randomId: randomUUID },
    order(ending, wish) {
      made += 1;
      const stem = String(13_900_000 + made);
      const customer = phone(`+86139${stem.slice(-7)}${digits[ending] ?? 0}`);
      const script = scripts[ending];
      if (script) far.script(customer.reveal(), script);
      return orderTo(customer, made, { ...wish, maxDurationSeconds: ending === "max-duration" ? 4 : 3_600 });
    },
    isPlacing: (request) => request.method === "POST" && new URL(request.url).pathname.endsWith("/v1/calls"),
    secrets: [secret, "another-secret-altogether"],
    fixtures,
    unknownMessages: fixtures.filter(({ name }) => name.startsWith("unknown")).map(({ delivery }) => delivery),
    tells: choice.flavour === "push" ? [...states, "ended 0 NORMAL_CLEARING"] : states,
    lookup: choice.lookup,
    serverErrorEffect: "none",
    staleAfterMs: 5 * 60_000,
    controlled: (callId) => far.calls.find((call) => call.callId === callId)?.controlled ?? [],
    ringsOf: (customer) => far.ringsOf(customer.reveal()),
  };
}

export function orderTo(
  customer: CallOrder["customer"],
  number: number,
  wish: Pick<CallOrder, "notifyUrl" | "record" | "maxDurationSeconds">,
): CallOrder {
  return {
    callId: `call_20261121_${String(number).padStart(16, "0")}`,
    attempt: 1,
    agent: { phone: phone(`+86138${String(20_000_000 + number)}`), seat: null },
    customer,
    displayNumber: phone("+862150001234"),
    privacy: true,
    ringTimeoutSeconds: 60,
    mainNum: null,
    extNum: null,
    ivrUrl: null,
    ivrText: null,
    ...wish,
  };
}
