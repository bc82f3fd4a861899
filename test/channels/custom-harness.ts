/** The suite's view of described providers: the examples of the folder, each against a far side that speaks so. */
import { randomUUID } from "node:crypto";
import type { ChannelDefinition, RawDelivery } from "../../channels/contract.ts";
import { type CustomProvider, type DialectName, type Script, startCustomProvider } from "../../channels/custom/fake.ts";
import { examples } from "../../channels/custom/far/examples.ts";
import { custom } from "../../channels/custom/index.ts";
import { jy } from "../../channels/custom/jy.ts";
import { orderTo } from "./fake-harness.ts";
import { type Ending, type Fixture, type Harness, phone } from "./harness.ts";

export const account = "acct-1";
export const secret = "s3cret-of-the-account";
const pushSecret = "s3cret-of-the-pushes";
const otherSecret = "another-secret-altogether";
/** A call of 15 s in 0.3 s. */
const speed = 50;

type ExampleName = keyof typeof examples;
const dialects: Record<ExampleName, DialectName> = { json: "json", form: "form", xml: "xml", jy: "family" };

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

const ref = "call_20261121_0000000000000001.1";
/** Messages in each example's own words, and how they are read. */
const messages: Record<ExampleName, readonly (readonly [kind: "push" | "state", body: string, ...events: string[]])[]> =
  {
    json: [
      ["push", `{"id":"c-1","data":"${ref}","event":"ringing","leg":"a","time":1795255200000}`, "ringing a @3"],
      ["push", `{"id":"c-1","event":"answered","leg":"b","time":1795255200000}`, "answered b @3"],
      [
        "push",
        `{"id":"c-1","data":"${ref}","event":"cdr","time":1795255210000,"reason":"b-busy","times":{"at-answered-a":1795255200000,"at-hangup":1795255210000}}`,
        "ended 4 USER_BUSY @4",
        "answered a @4",
        "cdr @4",
      ],
      ["push", `{"id":"c-1","event":"hangup","reason":"sunspots"}`, "ended 255 NETWORK_ERROR @1", "unrecognized @1"],
      ["push", `{"id":"c-1","event":"whisper","time":1795255200000}`, "unrecognized @3"],
      ["push", `{"id":"c-1","data":"${ref}"}`, "unrecognized @1"],
      ["state", `{"code":0,"result":{"id":"c-1","event":"ringing","leg":"b","time":1795255200000}}`, "ringing b @2"],
    ],
    form: [
      ["push", `ts=1&id=c-1&data=${ref}&event=calling&leg=b&time=20261121180000`, "calling b @3"],
      ["push", "id=c-1&event=ringing&leg=b&time=20261121180000", "ringing b @3"],
      ["push", "id=c-1&event=ringing&leg=b&time=20261131180000", "ringing b @1"],
      ["push", "id=c-1&event=whisper", "unrecognized @1"],
    ],
    xml: [
      ["push", "<notify><call id='c-1'><event>ringing</event><leg>a</leg></call></notify>", "ringing a @1"],
      [
        "push",
        "<notify><call id='c-1'><event>accepted</event></call><call id='c-2'><event>hangup</event><reason>completed</reason></call></notify>",
        "ended 0 NORMAL_CLEARING @1",
      ],
      ["push", "<notify><call id='c-1'><event>whisper</event></call></notify>", "unrecognized @1"],
      [
        "state",
        "<response><code>0</code><call><event>ringing</event><leg>a</leg><at-ringing-a>2026-11-21T10:00:00Z</at-ringing-a></call></response>",
        "ringing a @2",
      ],
    ],
    jy: [
      ["push", `{"id":12345678901234567890,"event":"ringing","leg":"a","time":"20261121180000"}`, "ringing a @3"],
      ["push", `{"id":"c-1","event":"ringing","leg":"a","at-hangup":"00000000000000"}`, "ringing a @1"],
      ["push", `{"id":"c-1","event":"ringing","leg":"a","at-ringing-a":"soon"}`, "ringing a @1", "unrecognized @1"],
    ],
  };

function fixturesOf(name: ExampleName): Fixture[] {
  return messages[name].map(([kind, body, ...events], index) => {
    const delivery: RawDelivery = { kind, body: new TextEncoder().encode(body) };
    // A question's answer need not repeat whose it is.
    if (kind === "state") delivery.about = { userData: ref, providerCallId: "c-1" };
    return { name: `${name} ${index}`, delivery, events };
  });
}

export interface CustomHarness extends Harness {
  far: CustomProvider;
  config: Record<string, unknown>;
  scripted(script: Script, wish?: { record?: boolean; notifyUrl?: string }): ReturnType<typeof orderTo>;
}

export async function startCustomHarness(name: ExampleName): Promise<CustomHarness> {
  const dialect = dialects[name];
  // One secret does for both, but where pushes have a token of their own.
  const ownToken = name === "xml" ? pushSecret : secret;
  const far = await startCustomProvider({ dialect, speed, accounts: { [account]: { secret, pushSecret: ownToken } } });
  const config = {
    ...examples[name],
    baseUrl: far.url,
    account,
    secret,
    ...(name === "xml" && { pushSecret }),
  };
  const fixtures = fixturesOf(name);
  let made = 0;
  const make = (digit: number, script: Script | undefined, wish: Parameters<typeof orderTo>[2]) => {
    made += 1;
    const customer = phone(`+86139${String(13_900_000 + made).slice(-7)}${digit}`);
    if (script) far.script(customer.reveal(), script);
    return orderTo(customer, made, wish);
  };
  return {
    far,
    definition: (name === "jy" ? jy : custom) as ChannelDefinition,
    config,
    wrongConfig: { ...config, secret: otherSecret, pushSecret: otherSecret },
    tools: { fetch: (request) => fetch(request), now: () => new Date(), randomId: randomUUID },
    order: (ending, wish) =>
      make(digits[ending] ?? 0, scripts[ending], {
        ...wish,
        maxDurationSeconds: ending === "max-duration" ? 4 : 3_600,
      }),
    scripted(script, { record = false, notifyUrl = "http://127.0.0.1:9/" } = {}) {
      return make(0, script, { record, notifyUrl, maxDurationSeconds: 3_600 });
    },
    isPlacing: (request) => request.method === "POST" && new URL(request.url).pathname === "/v1/place",
    secrets: [secret, pushSecret, otherSecret],
    fixtures,
    unknownMessages: fixtures
      .filter(({ events }) => events.includes("unrecognized @1"))
      .map(({ delivery }) => delivery),
    tells: [...states, "ended 0 NORMAL_CLEARING"],
    lookup: "ended",
    serverErrorEffect: "none",
    staleAfterMs: { json: 300_000, form: 600_000, xml: null, jy: null }[name],
    controlled: () => [],
    ringsOf: (customer) => far.ringsOf(customer.reveal()),
  };
}
