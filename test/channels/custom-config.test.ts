/** The dry run: what is wrong with a description is told by its field, before a phone rings, and never by its value. */
import { expect, test } from "bun:test";
import { customConfig } from "../../channels/custom/config.ts";
import { examples } from "../../channels/custom/far/examples.ts";
import { hollycrm } from "../../channels/custom/hollycrm.ts";
import { jy } from "../../channels/custom/jy.ts";
import { loadChannel } from "../../channels/registry.ts";
import { account, secret } from "./custom-harness.ts";

const canary = "c4n4ry";
const line = { baseUrl: "https://api.example.com", account, secret };
// biome-ignore lint/suspicious/noExplicitAny: each case breaks one place of a deep tree
type Tree = any;

/** The fields at fault once the JSON example is changed so. */
function faultsOf(change: (config: Tree) => void, name: keyof typeof examples = "json"): string[] {
  const config: Tree = structuredClone({ ...line, ...examples[name] });
  change(config);
  const parsed = customConfig.safeParse(config);
  // The message and the path together are all that anybody sees.
  expect(JSON.stringify(parsed.error?.issues ?? [])).not.toContain(canary);
  return [...new Set(parsed.error?.issues.map(({ path }) => path.join(".")))];
}

test("the examples are in order, each of them a channel of the registry", async () => {
  for (const name of ["json", "form", "xml"] as const) expect(faultsOf(() => {}, name)).toEqual([]);
  expect(jy.config.safeParse({ ...line, ...examples.jy }).success).toBe(true);
  for (const name of ["custom", "jy", "hollycrm"]) {
    expect((await loadChannel(name))?.provider).toBe(name);
  }
});

const request = "place.request";
test.each<[string, string[], (config: Tree) => void]>([
  ["a name that nobody knows", [`${request}.body.value`], (c) => (c.place.request.body.value.to = `{${canary}}`)],
  ["a call's name in an order", [`${request}.path`], (c) => (c.place.request.path = "/x/{providerCallId}")],
  ["an order's name in every request", ["headers.x-to"], (c) => (c.headers["x-to"] = "{customer}")],
  ["a constant that is not there", [`${request}.headers.x`], (c) => (c.place.request.headers = { x: "{values.app}" })],
  ["a brace that closes nothing", [`${request}.headers.x`], (c) => (c.place.request.headers = { x: `${canary}}` })],
  ["a path that leaves the host", [`${request}.path`], (c) => (c.place.request.path = `@${canary}.example`)],
  [
    "a signature within what it covers",
    [`${request}.body.value`],
    (c) => (c.place.request.body.value.sig = "{signature}"),
  ],
  [
    "a signature over nobody knows what",
    ["signatures.signature.text"],
    (c) => (c.signatures.signature.text = `{${canary}}`),
  ],
  ["a signature with a name of ours", ["signatures.nonce"], (c) => (c.signatures.nonce = { method: "md5", text: "x" })],
  [
    "a body on a GET",
    ["probe.request.body"],
    (c) => (c.probe.request = { method: "GET", body: { format: "json", value: {} } }),
  ],
  [
    "XML that is none",
    ["probe.request.body.text"],
    (c) => (c.probe.request.body = { format: "xml", text: `<${canary}>` }),
  ],
  [
    "a secret that is needed and not there",
    ["headers.x-token", "pushSecret"],
    (c) => {
      c.headers = { "x-token": "{secret}" };
      c.signatures = {};
      delete c.secret;
    },
  ],
  [
    "a gateway's error as a definite no",
    ["refusals.5"],
    (c) => c.refusals.push({ status: [502], kind: "refused", cause: "server" }),
  ],
  [
    "a timeout as a definite no",
    ["place.answer.no.0"],
    (c) => (c.place.answer.no = [{ status: [408], kind: "refused", cause: "server" }]),
  ],
  ["a yes that the sample is not", ["place.answer.yesSample"], (c) => (c.place.answer.yes.values = [canary])],
  ["a no that the sample is not", ["place.answer.noSample"], (c) => (c.refusals = [])],
  ["an id that the sample lacks", ["place.callId"], (c) => (c.place.callId = "/result/uuid")],
  ["our data that the sample lacks", ["find.userData"], (c) => (c.find.userData = "/nowhere")],
  ["a state that nobody explains", ["push.sample"], (c) => delete c.message.states["ringing.a"]],
  ["times in another form", ["push.sample"], (c) => (c.message.times["ringing a"] = "/event")],
  [
    "a message of nobody's call",
    ["message.userData"],
    (c) => {
      delete c.message.userData;
      delete c.message.callId;
      delete c.push.sample;
    },
  ],
  [
    "states without an end",
    ["message.states"],
    (c) => {
      for (const name of ["hangup", "cdr"]) delete c.message.states[name];
      delete c.message.times.ended;
    },
  ],
  ["a zone that is none", ["times"], (c) => (c.times = { format: "yyyy", zone: `Mars/${canary}` })],
  ["a push's proof that needs no secret", ["push.auth.digest"], (c) => (c.push.auth.digest.key = "{account}")],
  [
    "a push's proof that covers nothing",
    ["push.auth.digest", "push.auth.time.at"],
    (c) => (c.push.auth.digest.text = "{account}"),
  ],
  ["a push's time that is not covered", ["push.auth.time.at"], (c) => (c.push.auth.digest.text = "{body}")],
  ["a proof of pushes that is left out", ["push.auth"], (c) => delete c.push.auth],
  [
    "a recording's address with an order's name",
    ["recording.query.x"],
    (c) => (c.recording = { query: { x: "{customer}" } }),
  ],
  ["a field that does not exist", [""], (c) => (c[canary.slice(0, 3)] = 1)],
])("%s", (_, fields, change) => {
  expect(faultsOf(change)).toEqual(fields);
});

test("hollycrm is made by nobody who has not checked it", () => {
  const given = { baseUrl: "http://a6.7x24cc.com", account: "N1", appId: "app", secret };
  const fields = (config: object) => hollycrm.config.safeParse(config).error?.issues.map(({ path }) => path.join("."));
  expect(fields(given)).toEqual(["confirmed"]);
  expect(fields({ ...given, confirmed: false })).toEqual(["confirmed"]);
  expect(fields({ ...given, confirmed: true })).toBeUndefined();
  const push = { auth: "address-token", sample: "{}" };
  expect(fields({ ...given, confirmed: true, push })).toContain("push.sample");
});
