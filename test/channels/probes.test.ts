/** What the test of a line tells a person: each channel against its own far side, through the service. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { ChannelDefinition } from "../../channels/contract.ts";
import { channelNames } from "../../channels/registry.ts";
import { probeDeadlineMs } from "../../src/lines/probe.ts";
import { shiftedClock, startTestService, startTimeoutMs, type TestService } from "../service.ts";
import { startAliyunHarness } from "./aliyun-harness.ts";
import { startCustomHarness } from "./custom-harness.ts";
import { startE9Harness } from "./e9-harness.ts";
import { startFakeHarness } from "./fake-harness.ts";
import { deadUrl, type FaultName, startFault } from "./faults.ts";
import { startHollycrmHarness } from "./hollycrm-harness.ts";
import { startHwHarness } from "./hw-harness.ts";
import { startHwvoiceHarness } from "./hwvoice-harness.ts";
import { startQimoorHarness } from "./qimoor-harness.ts";
import { mainAccountSid, mainAuthToken, startRonglianHarness } from "./ronglian-harness.ts";
import { startTencentHarness } from "./tencent-harness.ts";
import { startTianrunHarness } from "./tianrun-harness.ts";

/** What differs from the right config, or why this channel's probe cannot tell. */
type Wrong = Record<string, unknown> | string;

interface Probed {
  start(): Promise<{
    definition: ChannelDefinition;
    config: unknown;
    far: { url: string; readonly calls: readonly unknown[]; stop(): Promise<void> };
  }>;
  key: Wrong;
  instance: Wrong;
  balance: Wrong;
}

const secret = "another-secret-altogether";
const otherApp = "f".repeat(32);
const noBalance = "what the probe asks for is answered whatever is left on the account";
const ronglian = { key: { authToken: secret }, instance: { appId: otherApp } };

const described = {
  instance: "what lies below an account is the description's own matter",
  balance: noBalance,
};
/** One more channel is one more entry; one that is missing fails below. */
const table: Record<string, Probed> = {
  aliyun: {
    start: () => startAliyunHarness("pushed"),
    key: { accessKeySecret: secret },
    instance: { instanceId: "another-instance" },
    balance: noBalance,
  },
  custom: { start: () => startCustomHarness("json"), key: { secret }, ...described },
  e9: { start: startE9Harness, key: { authToken: secret }, instance: { appId: otherApp }, balance: noBalance },
  fake: {
    start: () => startFakeHarness({ flavour: "push", lookup: "running" }),
    key: { secret },
    instance: "an account has nothing below it",
    balance: "calls cost nothing",
  },
  hollycrm: {
    start: startHollycrmHarness,
    key: { secret },
    instance: "an app id is proved together with its secret: a wrong one is a wrong key",
    balance: "nothing is known of a balance",
  },
  hw: {
    start: startHwHarness,
    key: { appSecret: secret },
    instance: "the app key names the tenant: a wrong one is a wrong key",
    balance: noBalance,
  },
  hwvoice: {
    start: startHwvoiceHarness,
    key: { appSecret: secret },
    instance: "the app key names the application: a wrong one is a wrong key",
    balance: noBalance,
  },
  jy: { start: () => startCustomHarness("jy"), key: { secret }, ...described },
  qimoor: {
    start: startQimoorHarness,
    key: { apiSecret: secret },
    instance: "the account is the exchange: a wrong one is a wrong key",
    balance: noBalance,
  },
  ronglian: { start: startRonglianHarness, ...ronglian, balance: "only the main account may ask for its balance" },
  "ronglian, main account known": {
    start: () => startRonglianHarness({}, { mainAccountSid, mainAuthToken }),
    ...ronglian,
    balance: { minimumBalance: 12.51 },
  },
  tencent: {
    start: () => startTencentHarness(),
    key: { secretKey: secret },
    instance: { sdkAppId: 1_400_000_999 },
    balance: noBalance,
  },
  "tianrun, Clink": {
    start: () => startTianrunHarness("clink"),
    key: { accessKeySecret: secret },
    instance: "the key names the enterprise: a wrong one is a wrong key",
    balance: noBalance,
  },
  "tianrun, CTI-Cloud": {
    start: () => startTianrunHarness("cticloud"),
    key: { token: secret },
    instance: "an enterprise is proved together with its token: a wrong one is a wrong key",
    balance: noBalance,
  },
};

test("every channel has its row", () => {
  const named = Object.keys(table).map((name) => name.split(",")[0]);
  expect([...new Set(named)].toSorted()).toEqual(channelNames.toSorted());
});

/** The real time, but for the probe's deadline: that is over when the test says so. */
function heldClock() {
  const clock = shiftedClock();
  const waiting = new Set<() => void>();
  return {
    ...clock,
    sleep: (ms: number, signal?: AbortSignal) =>
      ms === probeDeadlineMs
        ? new Promise<void>((done) => {
            waiting.add(done);
            signal?.addEventListener("abort", () => done(), { once: true });
          })
        : clock.sleep(ms, signal),
    deadline() {
      clock.advance(probeDeadlineMs);
      for (const done of waiting) done();
      waiting.clear();
    },
  };
}

const clock = heldClock();
let on: TestService;
beforeAll(async () => {
  on = await startTestService({ clock });
}, startTimeoutMs);
afterAll(() => on.stop(), startTimeoutMs);

const linesPath = "/api/v1/calls/lines";

/** The answer about an unsaved line, which is that about the same line once it is saved. */
async function tested(providerType: string, providerConfig: unknown, meanwhile = async () => {}) {
  const unsaved = on.ask("POST", `${linesPath}/test`, { body: { providerType, providerConfig } });
  await meanwhile();
  const first = await unsaved;
  // Not in use, so that no duty of the service's asks at the same time.
  const made = await on.ask("POST", linesPath, {
    body: { name: "probed", providerType, providerConfig, status: "inactive" },
  });
  expect(made.status).toBe(201);
  const saved = on.ask("POST", `${linesPath}/${made.body.id}/test`);
  await meanwhile();
  const second = await saved;
  expect([first.status, second.status]).toEqual([200, 200]);
  expect(second.body).toMatchObject({ success: first.body.success, message: first.body.message });
  for (const { latency } of [first.body, second.body]) expect(Number.isInteger(latency) && latency >= 0).toBe(true);
  return first.body as { success: boolean; message: string; latency: number };
}

/** The same config, wherever it names the far side, with another address. */
function movedTo(url: string, from: string, config: object): object {
  return Object.fromEntries(Object.entries(config).map(([name, value]) => [name, value === from ? url : value]));
}

async function atFault(
  name: FaultName,
  ask: (url: string, meanwhile: () => Promise<void>) => ReturnType<typeof tested>,
) {
  const fault = await startFault(name);
  let arrived = 0;
  const meanwhile = async () => {
    arrived += 1;
    while (fault.arrived < arrived) await new Promise((done) => setImmediate(done));
    if (name === "mute") clock.deadline();
  };
  const answer = await ask(fault.url, meanwhile);
  expect(fault.arrived).toBeGreaterThan(1);
  await fault.stop();
  return answer;
}

for (const [name, row] of Object.entries(table)) {
  describe(`the test of a line of ${name}`, () => {
    test("tells a person what is wrong, in words of its own for each fault, and rings nobody", async () => {
      const { definition, far, config: given } = await row.start();
      const config = given as Record<string, unknown>;
      const { provider, secretFields } = definition;
      const hidden = [secret, ...secretFields.flatMap((field) => (field in config ? [String(config[field])] : []))];
      on.secrets.push(...hidden);
      const moved = (url: string) => movedTo(url, far.url, config);
      const wrong = (difference: Wrong) =>
        typeof difference === "string" ? [] : [tested(provider, { ...config, ...difference })];

      const right = await tested(provider, config);
      expect(right).toMatchObject({ success: true, message: "连接正常 · connected" });
      const failed = [
        ...(await Promise.all(wrong(row.key))),
        ...(await Promise.all(wrong(row.instance))),
        ...(await Promise.all(wrong(row.balance))),
        await tested(provider, moved(await deadUrl())),
        await atFault("mute", (url, meanwhile) => tested(provider, moved(url), meanwhile)),
        await atFault("badGateway", (url) => tested(provider, moved(url))),
      ];
      const declared = [row.key, row.instance, row.balance].filter((one) => typeof one === "string");
      expect(failed).toHaveLength(6 - declared.length);
      expect(failed.filter(({ success }) => success)).toEqual([]);

      // The words alone, without the code behind them, are enough to tell one fault from another.
      const words = failed.map(({ message }) => message.replace(/ \([^()]*\)$/, ""));
      expect(new Set(words).size).toBe(failed.length);
      expect(words.filter((message) => !/^[\u4e00-\u9fff，、]+ · [a-z',:; ]+$/.test(message))).toEqual([]);
      const told = failed.map(({ message }) => message).join("\n");
      const values = Object.values(config).filter((value) => typeof value === "string" && value.length > 8);
      expect([...hidden, ...values.map(String)].filter((value) => told.includes(value))).toEqual([]);
      expect(told).not.toMatch(/\d{9}/);

      expect(far.calls).toEqual([]);
      await far.stop();
    });
  });
}

test("the faults are named", async () => {
  const { far, config } = await startRonglianHarness({}, { mainAccountSid, mainAuthToken });
  const said = async (more: object) => (await tested("ronglian", { ...config, ...more })).message;
  expect(await said({ authToken: secret })).toContain("check account and secret (credentials, ");
  expect(await said({ appId: otherApp })).toContain("check its id and state (instance, ");
  expect(await said({ minimumBalance: 12.51 })).toContain("top it up (balance, ");
  expect(await said({ baseUrl: await deadUrl() })).toContain("check address and network (network, ");
  await far.stop();
});
