/** The preset says what others' code was seen to send, and reads the bare numbers that come back. */
import { expect, test } from "bun:test";
import { hollycrm } from "../../channels/custom/hollycrm.ts";
import { failure } from "./checks/check.ts";
import { orderTo } from "./fake-harness.ts";
import { phone } from "./harness.ts";
import { never } from "./line.ts";

const given = {
  confirmed: true,
  baseUrl: "http://a6.7x24cc.com",
  account: "N000001",
  appId: "app",
  secret: "secret-of-the-app",
};
const order = {
  ...orderTo(phone("+8613912345678"), 1, { notifyUrl: "http://us.example/", record: false, maxDurationSeconds: 60 }),
  agent: { phone: null, seat: "8001" },
};

function channelOf(dialAnswer: string) {
  const asked: URL[] = [];
  const fetch = async (request: Request): Promise<Response> => {
    const url = new URL(request.url);
    asked.push(url);
    if (url.pathname !== "/accessToken") return new Response(dialAnswer);
    return Response.json({ success: true, accessToken: "t0ken", invalidTime: "2026-11-21 12:00:00" });
  };
  const tools = { fetch, now: () => new Date("2026-11-21T02:00:00Z"), randomId: () => "n" };
  return { asked, channel: hollycrm.create(hollycrm.config.parse(given), tools) };
}

test("a token first, then the dial; our call id goes along, since none comes back", async () => {
  const { asked, channel } = channelOf("200\n");
  const placed = await channel.place(order, never());
  expect(placed).toEqual({ providerCallId: "call_20261121_0000000000000001.1", providerJobId: null });
  await channel.place({ ...order, displayNumber: null, privacy: false }, never());
  expect(asked.map(({ origin, pathname }) => origin + pathname)).toEqual([
    "http://a1.7x24cc.com/accessToken",
    "http://a6.7x24cc.com/commonInte",
    "http://a6.7x24cc.com/commonInte",
  ]);
  const [token, dial, plain] = asked.map(({ searchParams }) => Object.fromEntries(searchParams));
  expect(token).toEqual({ account: "N000001", appid: "app", secret: "secret-of-the-app" });
  const wanted = {
    flag: "106",
    account: "N000001",
    phonenum: "13912345678",
    integratedid: "8001",
    accessToken: "t0ken",
    ExternalData: "hualu:call_20261121_0000000000000001.1",
  };
  expect(dial).toEqual({ ...wanted, Variable: "directCallerIDNum=2150001234" });
  expect(plain).toEqual(wanted);
});

test.each([
  ["301", "refused (parameter, code 301), effect none"],
  ["303", "refused (number, code 303), effect none"],
  ["309", "unauthorized (credentials, code 309), effect none"],
  ["404", "refused (agent, code 404), effect none"],
  ["408", "refused (agent, code 408), effect none"],
  ["410", "compliance (frequency, code 410), effect none"],
  ["999", "garbled (server, code 999), effect unknown"],
  ["<html>", "garbled (server, code http-200), effect unknown"],
])("the answer %s reads: %s", async (answer, message) => {
  expect((await failure(channelOf(answer).channel.place(order, never()), "place")).message).toBe(message);
});

test("an agent without a number there is refused, and what nobody knows of is left out", async () => {
  const { asked, channel } = channelOf("200");
  const seatless = { ...order, agent: { phone: phone("+8613800000001"), seat: null } };
  expect((await failure(channel.place(seatless, never()), "place")).message).toBe("refused (agent), effect none");
  expect(asked).toEqual([]);
  const config = hollycrm.config.parse(given);
  expect(hollycrm.live(config)).toBe("none");
  expect(hollycrm.honours(config)).toEqual(["displayNumber"]);
  expect([channel.webhook, channel.follow, channel.find, channel.hangup]).toEqual(Array(4).fill(undefined));
});
