/** The preset says what others' code was seen to send, and reads the bare numbers that come back. */
import { afterAll, expect, test } from "bun:test";
import { hollycrm } from "../../channels/custom/hollycrm.ts";
import { failure } from "./checks/check.ts";
import { testChannel } from "./conformance.ts";
import { phone } from "./harness.ts";
import { startHollycrmHarness } from "./hollycrm-harness.ts";
import { channelOf, never } from "./line.ts";

const harness = await startHollycrmHarness();
const { far } = harness;
afterAll(far.stop);

const silent = "nothing is known of its pushes, nor of a way to ask, so no news of a call ever comes";
const wordless = "nothing is known of how its messages look, so there is none to read";
testChannel("hollycrm", harness, {
  deviations: {
    "news: every ending reads as product.md's table says": silent,
    "news: times are the provider's, in order, and in the right zone": silent,
    "news: each state that the provider tells is told while the call runs": silent,
    "secrets: no event carries a secret, nor a number outside its reference": silent,
    "normalize: every fixture reads as written beside it": wordless,
    "normalize: what nobody understands is kept as unrecognized": wordless,
  },
});

/** Its channel, with the addresses that it asks, at a time that can be put forward. */
function watched(config: Record<string, unknown> = harness.config) {
  const asked: URL[] = [];
  let aheadMs = 0;
  const tools = {
    fetch(request: Request): Promise<Response> {
      asked.push(new URL(request.url));
      return harness.tools.fetch(request);
    },
    now: () => new Date(Date.now() + aheadMs),
  };
  const advance = (ms: number) => {
    aheadMs += ms;
  };
  return { asked, advance, channel: channelOf(harness, tools, config) };
}

test("a token first, then the dial; our call id goes along, since none comes back", async () => {
  // The same far side under another name: tokens come from a node of their own.
  const tokenUrl = far.url.replace("127.0.0.1", "localhost");
  const { asked, channel } = watched({ ...harness.config, tokenUrl });
  const order = { ...harness.scripted({}), displayNumber: phone("+862150001234"), privacy: false };
  const placed = await channel.place(order, never());
  const ours = `${order.callId}.${order.attempt}`;
  expect(placed).toEqual({ providerCallId: ours, providerJobId: null });
  await channel.place({ ...order, displayNumber: null }, never());
  expect(asked.map(({ origin, pathname }) => origin + pathname)).toEqual([
    `${tokenUrl}/accessToken`,
    `${far.url}/commonInte`,
    `${far.url}/commonInte`,
  ]);
  const [token, dial, plain] = asked.map(({ searchParams }) => Object.fromEntries(searchParams));
  expect(token).toEqual({ account: "N000001", appid: "app", secret: "secret-of-the-app" });
  const wanted = {
    flag: "106",
    account: "N000001",
    phonenum: order.customer.national(),
    integratedid: "8001",
    accessToken: expect.any(String),
    ExternalData: `hualu:${ours}`,
  };
  expect(dial).toEqual({ ...wanted, Variable: "directCallerIDNum=2150001234" });
  expect(plain).toEqual(wanted);
  expect(far.calls.filter(({ order: { data } }) => data === ours)).toHaveLength(2);
});

test("a token is used until it has nearly ended, and one that is not accepted is not used again", async () => {
  const { asked, advance, channel } = watched();
  const names = () => asked.splice(0).map(({ pathname }) => pathname);
  await channel.place(harness.scripted({}), never());
  await channel.place(harness.scripted({}), never());
  expect(names()).toEqual(["/accessToken", "/commonInte", "/commonInte"]);
  advance(110 * 60_000);
  await channel.place(harness.scripted({}), never());
  expect(names()).toEqual(["/accessToken", "/commonInte"]);

  const expired = await failure(channel.place(harness.scripted({ answer: "refused", code: 309 }), never()), "place");
  expect(expired.message).toBe("unauthorized (credentials, code 309), effect none");
  await channel.place(harness.scripted({}), never());
  expect(names()).toEqual(["/commonInte", "/accessToken", "/commonInte"]);
});

test.each([
  [301, "refused (parameter, code 301), effect none"],
  [303, "refused (number, code 303), effect none"],
  [309, "unauthorized (credentials, code 309), effect none"],
  [404, "refused (agent, code 404), effect none"],
  [408, "refused (agent, code 408), effect none"],
  [410, "compliance (frequency, code 410), effect none"],
  [999, "garbled (server, code 999), effect unknown"],
])("the answer %d reads: %s", async (code, message) => {
  const order = harness.scripted({ answer: "refused", code });
  expect((await failure(watched().channel.place(order, never()), "place")).message).toBe(message);
});

test("a dial whose answer is lost is a GET, and is sent once all the same", async () => {
  const order = harness.scripted({ answer: "lost" });
  const { asked, channel } = watched();
  expect((await failure(channel.place(order, never()), "place")).effect).toBe("unknown");
  expect(asked.filter(({ pathname }) => pathname === "/commonInte")).toHaveLength(1);
  expect(far.calls.filter((call) => call.order.data.startsWith(order.callId))).toHaveLength(1);
});

test("an agent without a number there is refused, and what nobody knows of is left out", async () => {
  const { asked, channel } = watched();
  const seatless = { ...harness.scripted({}), agent: { phone: phone("+8613800000001"), seat: null } };
  expect((await failure(channel.place(seatless, never()), "place")).message).toBe("refused (agent), effect none");
  expect(asked).toEqual([]);
  const config = hollycrm.config.parse(harness.config);
  expect(hollycrm.live(config)).toBe("none");
  expect(hollycrm.honours(config)).toEqual(["displayNumber"]);
  expect([channel.webhook, channel.follow, channel.find, channel.hangup]).toEqual(Array(4).fill(undefined));
});
