/** The same call through every provider gives the same record, and a lost push is made good by asking. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { type Json, startTestService, startTimeoutMs, type TestService } from "../service.ts";
import { virtualTime } from "../time.ts";
import { type Ending, endings, type Provider } from "./provider.ts";
import { providers } from "./providers.ts";

setDefaultTimeout(60_000);
const time = virtualTime(new Date("2026-11-21T02:00:00.000Z"));
const stepMs = 500;
let on: TestService;
const started: Provider[] = [];
beforeAll(async () => {
  on = await startTestService({ clock: time });
  for (const start of providers) started.push(await start(on, time));
}, startTimeoutMs);
afterAll(async () => {
  await on.stop();
  for (const one of started) await one.stop();
}, startTimeoutMs);

/** Numbers of one area, whose masked forms are equal: 0 to 999 of each. */
const agentOf = (n: number): string => `1380${String(n).padStart(3, "0")}1234`;
const customerOf = (n: number, ending: Ending): string => `1390${String(n).padStart(3, "0")}123${endings[ending]}`;
let calls = 0;

/** A person whom every provider can ring, by phone number or by the id there. */
async function newAgent(n: number): Promise<string> {
  const seats = Object.fromEntries(
    started.flatMap(({ name, seatOf }) => (seatOf ? [[name.split(" ")[0], seatOf(n)]] : [])),
  );
  const body = { id: `a${n}`, name: "A", phone: agentOf(n), seats };
  const { status } = await on.ask("POST", "/api/v1/agents", { body });
  expect(status).toBe(201);
  return body.id;
}

async function dial(lineId: number, ending: Ending, losesEnd?: (customer: string) => void): Promise<string> {
  calls += 1;
  const customerPhone = customerOf(calls, ending);
  losesEnd?.(`+86${customerPhone}`);
  const request = {
    customerPhone,
    agent: await newAgent(calls),
    lineId,
    bizId: "4711",
    bizData: { order: 4711 },
    userId: "u1",
  };
  const { status, body } = await on.dial({ ...request, customerId: "c1", customerName: "王", orderId: "o1" });
  expect(status).toBe(200);
  return body.callId;
}

const recordOf = async (callId: string): Promise<Json> => (await on.ask("GET", `/api/v1/calls/${callId}`)).body;

/** Lets time go by until all of them are over and nothing better will come. */
async function finished(callIds: readonly string[]): Promise<Json[]> {
  for (;;) {
    const records = await Promise.all(callIds.map(recordOf));
    if (records.every((one) => one.hasCdr)) return records;
    time.advance(stepMs);
    // What was pushed is on its way for real.
    await Bun.sleep(5);
  }
}

/** Ids, the provider's raw words, and how often something came: no two providers have them in common. */
const own = [
  "agent",
  "callId",
  "providerCallId",
  "providerJobId",
  "lineId",
  "channel",
  "chState",
  "hangupCode",
  "version",
  "updated",
];
const isTime = (name: string): boolean => /Time$/.test(name);
const isLength = (name: string): boolean => /duration$/i.test(name);
const isEmpty = (value: unknown): boolean => value === null || value === 0;

/** What differs from the reference and is not declared, and what is declared and there all the same. */
function differences(reference: Json, record: Json, one: Partial<Provider>, precisionMs: number): string[] {
  const { cannotKnow = [], infers = {} } = one;
  const at = (text: string): number => Math.floor(Date.parse(text) / precisionMs);
  return Object.keys(reference).flatMap((name) => {
    if (own.includes(name)) return [];
    const [wanted, found] = [reference[name], record[name]];
    if (cannotKnow.includes(name)) return isEmpty(found) ? [] : [`${name} is declared unknown and is ${found}`];
    if (name in infers) {
      return isEmpty(wanted) === isEmpty(found) ? [] : [`${name} is declared inferred, and is ${found}`];
    }
    return isSame(name, wanted, found) ? [] : [`${name}: ${JSON.stringify(wanted)} and ${JSON.stringify(found)}`];
  });

  function isSame(name: string, wanted: Json, found: Json): boolean {
    if (isTime(name) && wanted !== null && found !== null) return at(wanted) === at(found);
    // Between two times that are cut to the second lies up to a second more, or less.
    const slack = isLength(name) && wanted !== null && found !== null && precisionMs >= 1_000;
    if (slack) return Math.abs(wanted - found) <= 1;
    if (name !== "estimated") return Bun.deepEquals(wanted, found, true);
    const inferred = Object.entries(infers).flatMap(([field, told]) => (isEmpty(reference[field]) ? [] : [told]));
    return Bun.deepEquals([...wanted, ...inferred], found, true);
  }
}

for (const ending of Object.keys(endings) as Ending[]) {
  test(`${ending}: the same record, whoever places the call`, async () => {
    const able = started.filter((one) => one.endings.includes(ending));
    expect(able.length).toBeGreaterThan(1);
    // The clock stands while they are placed: all of them begin at the same moment.
    const callIds: string[] = [];
    for (const { lineId } of able) callIds.push(await dial(lineId, ending));
    const [reference, ...records] = await finished(callIds);
    expect([reference.state, reference.finalized, reference.answered]).toEqual(["close", true, ending === "answered"]);
    const [first, ...others] = able;
    for (const [index, one] of others.entries()) {
      const precisionMs = Math.max(first?.precisionMs ?? 1, one.precisionMs);
      const found = differences(reference, records[index], one, precisionMs);
      expect([one.name, ...found]).toEqual([one.name]);
    }
  });
}

test("what is declared unknown is filled elsewhere: no list holds what nobody could know", async () => {
  const [reference] = await finished([await dial(started[0]?.lineId ?? 0, "answered")]);
  const declared = started.flatMap(({ cannotKnow }) => cannotKnow);
  expect(declared.filter((name) => isEmpty(reference[name]))).toEqual([]);
});

test("an end whose push is lost is made good by asking, and the record is as if it had come", async () => {
  const pushing = started.filter((one) => one.losesEnd !== undefined);
  expect(pushing.map(({ name }) => name)).toEqual(["fake", "e9", "tianrun cticloud", "json", "form", "xml", "jy"]);
  const pairs: { title: string; whole: string; lost: string }[] = [];
  for (const ending of ["answered", "b-busy"] as const) {
    for (const { name, lineId, losesEnd } of pushing)
      pairs.push({
        title: `${name} ${ending}`,
        whole: await dial(lineId, ending),
        lost: await dial(lineId, ending, losesEnd),
      });
  }
  const records = await finished(pairs.flatMap(({ whole, lost }) => [whole, lost]));
  for (const [index, { title }] of pairs.entries()) {
    const [told, asked] = records.slice(2 * index);
    expect([title, ...differences(told, asked, {}, 1)]).toEqual([title]);
  }
});
