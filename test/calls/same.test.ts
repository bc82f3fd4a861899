/** The same call through every provider gives the same record, and a lost push is made good by asking. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { type Json, startTestService, startTimeoutMs, type TestService } from "../service.ts";
import { virtualTime } from "../time.ts";
import { all, type Ending, endings, type Provider, talked } from "./provider.ts";
import { providers } from "./providers.ts";

setDefaultTimeout(60_000);
const time = virtualTime(new Date("2026-11-21T02:00:00.000Z"));
const stepMs = 500;
const talkStepMs = 5_000;
const listStepMs = 30_000;
const talkSecondsUsual = 10;
/** Seconds, the least that may be asked for. */
const maxDuration = 60;
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
const customerOf = (n: number, ending: Ending): string => `1390${String(n).padStart(3, "0")}123${endings[ending] ?? 0}`;
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

interface Wish {
  losesEnd?: Provider["losesEnd"] | undefined;
  talkSeconds?: number;
}

async function dial(one: Provider, ending: Ending, { losesEnd, talkSeconds }: Wish = {}): Promise<string> {
  calls += 1;
  const customerPhone = customerOf(calls, ending);
  const customer = `+86${customerPhone}`;
  losesEnd?.(customer);
  const cut = ending === "max-duration";
  const byScript = endings[ending] === null || talkSeconds !== undefined;
  if (byScript) one.script(customer, ending, talkSeconds ?? (cut ? maxDuration + 30 : talkSecondsUsual));
  const request = {
    customerPhone,
    agent: await newAgent(calls),
    lineId: one.lineId,
    ...(cut && { maxDuration }),
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
    // A list of records may be read far back only now and then, for calls that began long ago.
    const step = records.every(({ state }) => state === "close") ? listStepMs : stepMs;
    await goOn(step, step);
  }
}

async function goOn(ms: number, byMs: number): Promise<void> {
  for (let gone = 0; gone < ms; gone += byMs) {
    time.advance(byMs);
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

/** Those who have a word for it; the first that can tell everything is what the others are held against. */
function ableOf(ending: Ending): [first: Provider, ...others: Provider[]] {
  const able = started.filter((one) => one.endings.includes(ending));
  const first = able.find(({ cannotKnow, infers }) => cannotKnow.length + Object.keys(infers).length === 0);
  if (first === undefined || able.length < 2) throw new Error(`nothing to compare for ${ending}`);
  return [first, ...able.filter((one) => one !== first)];
}

/** The clock stands while they are placed: all of them begin at the same moment. */
async function dialAll(able: readonly Provider[], ending: Ending, wish: Wish = {}): Promise<string[]> {
  const callIds: string[] = [];
  for (const one of able) callIds.push(await dial(one, ending, wish));
  return callIds;
}

function expectSame([first, ...others]: readonly Provider[], [reference, ...records]: readonly Json[]): void {
  for (const [index, one] of others.entries()) {
    const precisionMs = Math.max(first?.precisionMs ?? 1, one.precisionMs);
    expect([one.name, ...differences(reference, records[index], one, precisionMs)]).toEqual([one.name]);
  }
}

for (const ending of all) {
  test(`${ending}: the same record, whoever places the call`, async () => {
    const able = ableOf(ending);
    const records = await finished(await dialAll(able, ending));
    const [{ state, finalized, answered }] = records;
    expect([state, finalized, answered]).toEqual(["close", true, talked.includes(ending)]);
    expectSame(able, records);
  });
}

test("a call of ten minutes: the same record", async () => {
  const able = ableOf("answered");
  const callIds = await dialAll(able, "answered", { talkSeconds: 600 });
  const untilAnsweredMs = 8_000;
  await goOn(untilAnsweredMs, stepMs);
  // Nothing happens while they talk, so only how often they are asked about depends on the step.
  await goOn(590_000, talkStepMs);
  const over = (await Promise.all(callIds.map(recordOf))).map(({ state }) => state === "close");
  expect(able.filter((_, index) => over[index]).map(({ name }) => name)).toEqual([]);
  const records = await finished(callIds);
  expect(records[0]).toMatchObject({ duration: 600, answered: true, closeType: 0 });
  expectSame(able, records);
});

test("what is declared unknown is filled elsewhere: no list holds what nobody could know", async () => {
  const [reference] = await finished([await dial(ableOf("answered")[0], "answered")]);
  const declared = started.flatMap(({ cannotKnow }) => cannotKnow);
  expect(declared.filter((name) => isEmpty(reference[name]))).toEqual([]);
});

test("an end whose push is lost is made good by asking, and the record is as if it had come", async () => {
  const pushing = started.filter((one) => one.losesEnd !== undefined);
  expect(pushing.map(({ name }) => name)).toEqual(["fake", "e9", "tianrun cticloud", "json", "form", "xml", "jy"]);
  const pairs: { title: string; whole: string; lost: string }[] = [];
  for (const ending of ["answered", "b-busy"] as const) {
    for (const one of pushing)
      pairs.push({
        title: `${one.name} ${ending}`,
        whole: await dial(one, ending),
        lost: await dial(one, ending, { losesEnd: one.losesEnd }),
      });
  }
  const records = await finished(pairs.flatMap(({ whole, lost }) => [whole, lost]));
  for (const [index, { title }] of pairs.entries()) {
    const [told, asked] = records.slice(2 * index);
    expect([title, ...differences(told, asked, {}, 1)]).toEqual([title]);
  }
});
